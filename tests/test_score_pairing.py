"""Which recordings belong together, and that none is dropped in silence."""

import pytest

from recordings import sound
from winnow.errors import BadInput, InputNotFound
from winnow.evaluation.pairing import key_of, pair, pair_folders


def files(folder, *names):
    for name in names:
        sound(folder / name, 0.1)
    return str(folder)


def found(pairs, folder):
    """{name: (estimate, reference, mixture)} with paths below the folder."""
    short = {item.name: (item.estimate, item.reference, item.mixture) for item in pairs.items}
    return {name: tuple(p and p.removeprefix(f"{folder}/") for p in paths) for name, paths in short.items()}


@pytest.mark.parametrize(
    "path, key",
    [
        ("x.wav", "x"),
        ("x.enhanced.wav", "x"),
        ("a/b.c.speech.mp3", "a/b.c"),
        ("x.Enhanced.flac", "x"),
        (".enhanced.wav", ".enhanced"),
        ("x.enhanced2.wav", "x.enhanced2"),
    ],
)
def test_keys(path, key):
    assert key_of(path) == key


def test_folders_are_paired_by_name_across_suffixes(tmp_path):
    out = files(tmp_path / "out", "x.enhanced.wav", "deep/y.mp3", "z.wav")
    clean = files(tmp_path / "clean", "x.flac", "deep/y.wav", "z.wav", "w.wav")
    pairs = pair([out], clean)
    assert found(pairs, tmp_path) == {
        "deep/y": ("out/deep/y.mp3", "clean/deep/y.wav", None),
        "x": ("out/x.enhanced.wav", "clean/x.flac", None),
        "z": ("out/z.wav", "clean/z.wav", None),
    }
    assert [line.removeprefix(f"{tmp_path}/") for line in pairs.alone] == [
        "clean/w.wav: no recording of this name was given"
    ]


def test_a_recording_without_a_partner_is_an_item_with_a_problem(tmp_path):
    out, clean = files(tmp_path / "out", "x.wav", "v.wav"), files(tmp_path / "clean", "x.wav")
    problems = {item.name: item.problem for item in pair([out], clean).items}
    assert problems == {"x": None, "v": f"no reference named v in {clean}"}


def test_another_tree_is_paired_by_the_name_alone_where_it_is_unique(tmp_path):
    out = files(tmp_path / "out", "x.wav", "y.wav")
    clean = files(tmp_path / "clean", "a/x.wav", "a/y.wav", "b/y.wav")
    pairs = found(pair([out], clean), tmp_path)
    assert pairs["x"][1] == "clean/a/x.wav"
    assert pairs["y"][1] is None


def test_one_reference_serves_all(tmp_path):
    files(tmp_path, "a/x.wav", "b/x.wav", "clean.wav")
    pairs = pair([str(tmp_path / "a/x.wav"), str(tmp_path / "b/x.wav")], str(tmp_path / "clean.wav"))
    assert {item.reference for item in pairs.items} == {str(tmp_path / "clean.wav")}
    assert len({item.name for item in pairs.items}) == 2


def test_the_plain_name_counts_among_references(tmp_path):
    both = files(tmp_path / "both", "x.wav", "x.enhanced.wav")
    pairs = found(pair([both], both), tmp_path)
    assert {paths[1] for paths in pairs.values()} == {"both/x.wav"} and len(pairs) == 2


def test_two_references_of_one_name_are_refused(tmp_path):
    out, clean = files(tmp_path / "out", "x.wav"), files(tmp_path / "clean", "x.wav", "x.flac")
    with pytest.raises(BadInput, match="share a name"):
        pair([out], clean)


def test_nothing_there(tmp_path):
    with pytest.raises(InputNotFound, match="no such file or folder"):
        pair([str(tmp_path / "nothing")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no recording in this folder"):
        pair([str(tmp_path / "empty")])
    clean, noisy = files(tmp_path / "c", "a.wav"), files(tmp_path / "n", "b.wav")
    with pytest.raises(BadInput, match=r"no recording of .* has one of the same name"):
        pair_folders(clean, noisy)
