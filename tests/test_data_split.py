"""Splits: nothing is shared, the shares are met, the same list gives the same sides; a long list costs no more memory."""

import json
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.cli import run
from winnow.data.groups import Sides, keys_of
from winnow.data.items import Item, read_items, write_items
from winnow.data.split import BY, SIDES, Plan, parse_share, split
from winnow.errors import BadInput, BadOption, InputNotFound, OutputError

PER_CENT = st.integers(0, 45)  # whole numbers: other tests of the suite leave the processor without subnormal ones
EVEN = {"valid": 0.2, "test": 0.2}


def item(name, kind="speech", seconds=1.0, **about):
    return Item(name, f"{name}.wav", kind, about.pop("corpus", "c"), 1000, 1, max(1, round(seconds * 1000)), **about)


def winnow(capsys, *arguments):
    code = run(["data", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def parted(tmp_path, items, **plan):
    """{side: items} of a list."""
    write_items(items, tmp_path / "x.jsonl")
    outcome = split(tmp_path / "x.jsonl", tmp_path, Plan(**{"shares": EVEN, **plan}))
    assert not list(tmp_path.glob(".*"))
    return {side: list(read_items(path)) for side, path in outcome.paths.items()}


def side_of(sides):
    return {each.id: side for side, items in sides.items() for each in items}


@st.composite
def lists(draw):
    """Rows of all kinds, whose speakers, sources and rooms overlap at random, so that groups form over several steps."""
    few = st.integers(0, draw(st.integers(1, 12)))
    rows = []
    for number in range(draw(st.integers(3, 60))):
        kind = draw(st.sampled_from(["speech", "noise", "room", "mixture", "music"]))
        about = {
            "speaker": draw(st.none() | few.map("p{}".format)) if kind in ("speech", "mixture") else None,
            "source": draw(st.none() | few.map("freesound-{}".format)),
            "room": draw(st.none() | few.map("r{}".format)) if kind == "room" else None,
            "label": draw(st.none() | st.sampled_from("ab")),
        }
        corpus, extra = draw(st.sampled_from(["c", "d"])), {}
        if kind == "mixture" and draw(st.booleans()):
            extra = {"talkers": [f"p{draw(few)}", f"p{draw(few)}"]}
        rows.append(item(f"i{number}", kind, draw(st.integers(1, 200)) / 10, corpus=corpus, extra=extra, **about))
    return rows


def facts(each):
    """What a row must not share, told without the code under test."""
    people = [each.speaker, *each.extra.get("talkers", [])]
    found = {("speaker", each.corpus, name) for name in people if name}
    found |= {("source", each.source)} if each.source else set()
    return found | ({("room", each.corpus, each.room)} if each.room else set())


@settings(max_examples=40, deadline=None)
@given(lists(), st.integers(0, 3), st.sampled_from(["auto", "id", "label"]), PER_CENT, PER_CENT)
def test_sides_share_nothing(tmp_path_factory, rows, seed, by, valid, test):
    folder = tmp_path_factory.mktemp("split")
    try:
        sides = parted(folder, rows, seed=seed, by=by, shares={"valid": valid / 100, "test": test / 100})
    except BadInput as error:
        assert "sides are to be filled" in str(error)
        return
    seen = {}
    for side, items in sides.items():
        for each in items:
            assert each.split == side
            for fact in facts(each):
                assert seen.setdefault(fact, side) == side
    assert sorted(side_of(sides)) == sorted(each.id for each in rows)
    assert "train" in sides


@settings(max_examples=10, deadline=None)
@given(lists(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(tmp_path_factory, rows, random):
    folder = tmp_path_factory.mktemp("split")
    mixed = random.sample(rows, len(rows))
    with suppress(BadInput):  # fewer groups than sides
        assert side_of(parted(folder, rows, seed=5)) == side_of(parted(folder, mixed, seed=5))


def speakers(count, rows=3, **about):
    return [item(f"{n}-{k}", speaker=f"p{n}", seconds=5 + n % 7, **about) for n in range(count) for k in range(rows)]


def test_shares_are_met_by_hours(tmp_path):
    sides = parted(tmp_path, speakers(100), shares={"valid": 0.05, "test": 0.1})
    total = sum(each.seconds for items in sides.values() for each in items)
    for side, share in (("valid", 0.05), ("test", 0.1)):
        assert sum(each.seconds for each in sides[side]) == pytest.approx(
            share * total, abs=8
        )  # half of the smallest speaker


def test_the_seed_chooses(tmp_path):
    first, again, other = (side_of(parted(tmp_path, speakers(30), seed=seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_groups_hang_together_over_several_steps(tmp_path):
    """a and b share a source, b and c a talker: the three are one."""
    chain = [
        item("a", speaker="1", source="freesound-9"),
        item("b", "mixture", speaker="2", source="freesound-9", extra={"talkers": ["2", "3"]}),
        item("c", speaker="3"),
    ]
    for seed in range(8):
        sides = side_of(parted(tmp_path, chain + speakers(12), seed=seed))
        assert sides["a"] == sides["b"] == sides["c"]


def test_the_same_sound_in_two_corpora_is_one(tmp_path):
    twice = [
        item(f"{corpus}{n}", "noise", corpus=corpus, source=f"freesound-{n}")
        for corpus in ("esc50", "dns")
        for n in range(20)
    ]
    voices = [item(f"{c}{n}", corpus=c, speaker=f"p{n}") for c in ("vctk", "voicebank-demand") for n in range(20)]
    sides = side_of(parted(tmp_path, twice + voices))
    for n in range(20):
        assert sides[f"esc50{n}"] == sides[f"dns{n}"] and sides[f"vctk{n}"] == sides[f"voicebank-demand{n}"]
    assert len({sides[f"vctk{n}"] for n in range(20)}) == 3


def test_equal_names_in_different_corpora_are_different_people(tmp_path):
    rows = [item(f"{corpus}{n}", corpus=corpus, speaker=f"{n}") for corpus in "ab" for n in range(40)]
    sides = side_of(parted(tmp_path, rows))
    assert any(sides[f"a{n}"] != sides[f"b{n}"] for n in range(40))


def test_unknown_speakers_stay_together_unless_parted_by_id(tmp_path):
    rows = speakers(20) + [item(f"u{n}", corpus="u") for n in range(50)]
    assert len({side for name, side in side_of(parted(tmp_path, rows)).items() if name[0] == "u"}) == 1
    assert len({side for name, side in side_of(parted(tmp_path, rows, by="id")).items() if name[0] == "u"}) == 3


def test_each_kind_has_its_share(tmp_path):
    rows = speakers(20, rows=9) + [item(f"n{n}", "noise") for n in range(20)]
    rows += [item(f"r{n}", "room", room=f"r{n}", seconds=0.1) for n in range(20)]
    for items in parted(tmp_path, rows).values():
        assert {each.kind for each in items} == {"speech", "noise", "room"}


def test_a_kind_with_too_few_groups_stays_in_train(tmp_path):
    write_items([*speakers(9), item("r", "room", room="hall")], tmp_path / "x.jsonl")
    outcome = split(tmp_path / "x.jsonl", tmp_path, Plan())
    assert outcome.notes == [
        "room: all of it hangs together by auto, and 3 sides are to be filled. They are all in train."
    ]
    assert "r" in {each.id for each in read_items(outcome.paths["train"])}


def test_by_one_thing_alone(tmp_path):
    """Twenty voices in five rooms: by both all hang together."""
    rows = [item(f"{s}-{r}", "mixture", speaker=f"s{s}", room=f"r{r}") for s in range(20) for r in range(5)]
    with pytest.raises(BadInput, match=r"hangs together by auto.*--by speaker"):
        parted(tmp_path, rows)
    for by, field in (("speaker", "speaker"), ("room", "room")):
        sides = parted(tmp_path, rows, by=by)
        values = [{getattr(each, field) for each in items} for items in sides.values()]
        assert len(sides) == 3 and not values[0] & values[1] and not values[0] & values[2] and not values[1] & values[2]
    write_items(rows, tmp_path / "x.jsonl")
    assert len(split(tmp_path / "x.jsonl", tmp_path, Plan("speaker")).shared) == 5


def test_given_splits_are_kept(tmp_path):
    rows = [item(f"{n}", speaker=f"p{n}", split="test" if n < 3 else "valid" if n == 3 else None) for n in range(20)]
    rows.append(item("more", speaker="p1"))
    sides = side_of(parted(tmp_path, rows, keep=True))
    assert {sides[name] for name in ("0", "1", "2", "more")} == {"test"} and sides["3"] == "valid"
    assert set(sides.values()) == set(SIDES)
    assert side_of(parted(tmp_path, rows)) != sides


def test_a_given_split_that_shares_a_speaker(tmp_path):
    """As DAPS has it: all twenty speakers are in train and in test."""
    rows = [item(f"{n}-{k}", speaker=f"p{n}", split="test" if k else "train") for n in range(4) for k in range(2)]
    with pytest.raises(BadInput, match="speaker p0 of c is in train and in test of the split that this list has"):
        parted(tmp_path, rows, keep=True)
    sides = parted(tmp_path, rows, keep=True, shared=True)
    assert {side: len(items) for side, items in sides.items()} == {"train": 4, "test": 4}


def test_the_last_check_is_there(tmp_path, monkeypatch):
    """If groups were wrong, the lists would not get their names."""
    from winnow.data import split as splitting
    from winnow.errors import WinnowError

    write_items(speakers(10), tmp_path / "x.jsonl")
    rows = iter(["train", "test"] * 99)
    monkeypatch.setattr(splitting.Groups, "group", lambda self, key: next(rows))
    monkeypatch.setattr(splitting, "assign", lambda *_: ({"train": "train", "test": "test"}, []))
    with pytest.raises(WinnowError, match="would be in train and in test"):
        split(tmp_path / "x.jsonl", tmp_path, Plan())
    assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]


@pytest.mark.parametrize(("count", "shares"), [(1, EVEN), (2, EVEN), (1, {"valid": 0.1, "test": 0})])
def test_fewer_groups_than_sides(tmp_path, count, shares):
    with pytest.raises(BadInput, match="sides are to be filled"):
        parted(tmp_path, speakers(count), shares=shares)


def test_as_many_groups_as_sides(tmp_path):
    assert set(parted(tmp_path, speakers(3))) == set(SIDES)
    (tmp_path / "x.test.jsonl").unlink()
    assert set(parted(tmp_path, speakers(2), shares={"valid": 0.01, "test": 0})) == {"train", "valid"}


def test_a_side_left_from_another_split_is_no_side_of_this_one(tmp_path):
    parted(tmp_path, speakers(5))
    with pytest.raises(BadInput, match=r"x\.test\.jsonl is there from another split"):
        parted(tmp_path, speakers(5), shares={"valid": 0.1, "test": 0.0})


def test_relative_paths_are_seen_from_the_new_list(tmp_path):
    write_items(speakers(5), tmp_path / "x.jsonl")
    other = tmp_path / "other folder"
    other.mkdir()
    outcome = split(tmp_path / "x.jsonl", other, Plan())
    raw = json.loads(outcome.paths["train"].read_text().splitlines()[0])
    assert Path(other, raw["path"]).resolve() == (tmp_path / f"{raw['id']}.wav").resolve()


def test_memory_is_that_of_the_groups(tmp_path):
    """Eight times the rows of the same speakers take no more memory; bench/items.py measures a million."""
    peaks = []
    for rows in (1_000, 8_000):
        many = (item(f"{n % 100}-{n}", speaker=f"p{n % 100}", text="what is said " * 10) for n in range(rows))
        write_items(many, tmp_path / "x.jsonl")
        tracemalloc.start()
        outcome = split(tmp_path / "x.jsonl", tmp_path, Plan())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sum(outcome.rows.values()) == rows
    assert peaks[1] < 1.2 * peaks[0] + 50_000


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("0", 0.0), ("12.5 %", 0.125), (".1", 0.1)])
def test_shares(text, share):
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["5", "100%", "-1%", "half", ""])
def test_shares_that_are_none(text):
    with pytest.raises(BadOption, match=r"a share is given as 5% or 0\.05"):
        parse_share(text)


def test_what_is_wrong_with_a_plan_or_a_list(tmp_path):
    with pytest.raises(BadOption, match="--by is one of"):
        Plan("colour")
    with pytest.raises(BadOption, match="leave nothing to train on"):
        Plan(shares={"valid": 0.5, "test": 0.5})
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(BadInput, match="this list is empty"):
        split(tmp_path / "empty.jsonl", tmp_path, Plan())
    (tmp_path / "bad.jsonl").write_text('{"id": 1}\n')
    with pytest.raises(BadInput, match=r"bad\.jsonl:1: path is missing"):
        split(tmp_path / "bad.jsonl", tmp_path, Plan())
    with pytest.raises(InputNotFound):
        split(tmp_path / "nowhere.jsonl", tmp_path, Plan())
    write_items(speakers(5), tmp_path / "x.jsonl")
    with pytest.raises(OutputError, match="cannot be written to"):
        split(tmp_path / "x.jsonl", tmp_path / "nowhere", Plan())


def test_every_way_has_keys_for_every_kind():
    for by in BY.values():
        for kind in ("speech", "noise", "music", "room", "mixture"):
            assert keys_of(item("x", kind), by)


def test_the_commands(tmp_path, capsys):
    source = tmp_path / "my list.jsonl"
    write_items(speakers(20) + [item(f"u{n}", corpus="u") for n in range(3)], source)
    code, out, err = winnow(capsys, "split", source, "--valid", "20%", "--test", "0.1", "--seed", 3)
    assert (code, err) == (0, "")
    rows = [line.split("   ") for line in out.splitlines()]
    assert [row[0].strip() for row in rows] == [str(tmp_path / f"my list.{side}.jsonl") for side in SIDES]
    assert sum(int(row[1].split()[0]) for row in rows) == 63
    lists = [tmp_path / f"my list.{side}.jsonl" for side in SIDES]
    assert winnow(capsys, "check", *lists) == (
        0,
        "no speaker, no original recording, no room and no file in common\n",
        "",
    )
    code, out, _ = winnow(capsys, "check", lists[1], source)
    assert code == 1 and out.startswith("speaker p") and f"in {lists[1]} and in {source}" in out
    result = json.loads(winnow(capsys, "split", source, "--by", "id", "-o", tmp_path / "new", "--json")[1])
    assert result["shared"] == ["u: speech of unknown speakers"] or result["shared"] == []
    assert set(result["sides"]) == set(SIDES)


def test_the_commands_say_what_is_wrong_in_a_line(tmp_path, capsys):
    for arguments in (["split", tmp_path / "x"], ["split", "x", "--valid", "5"], ["check", "x"], ["check", "x", "y"]):
        code, out, err = winnow(capsys, *arguments)
        assert (code, out) == (2, "") and err.count("\n") == 1


def test_check_sees_a_file_that_two_lists_call_differently(tmp_path, capsys):
    one, two, empty = tmp_path / "one.jsonl", tmp_path / "two.jsonl", tmp_path / "empty.jsonl"
    write_items([item("a", speaker="p", corpus="x", sha256="ab"), item("b", speaker="q", corpus="x", sha256="cd")], one)
    write_items([item("c", speaker="r", corpus="y", sha256="ab")], two)
    write_items([], empty)
    assert winnow(capsys, "check", one, two) == (1, f"the same file: in {one} and in {two}\n", "")
    code, out, err = winnow(capsys, "check", one, empty)
    assert (code, out) == (2, "") and "this list is empty" in err


def test_sides_tell_what_is_shared():
    seen = Sides()
    seen.see(item("a", "noise", source="freesound-1", corpus="esc50"), "one")
    seen.see(item("b", "noise", source="freesound-1", corpus="dns"), "two")
    seen.see(item("c", "room", room="hall"), "one")
    seen.see(item("d", "room", room="hall", corpus="other"), "two")
    assert [str(key) for key in seen.shared] == ["source freesound-1"]
