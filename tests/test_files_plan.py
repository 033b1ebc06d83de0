"""Names of outputs, search of folders, and what is refused before any work. No sound is read here."""

import os
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.engine.files import plan
from winnow.engine.naming import is_recording
from winnow.errors import BadInput, BadOption, InputNotFound, OutputIsInput


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x47")
    return folder


def outputs(folder, *args, **options):
    """Outputs below a folder, by input."""
    return {
        os.path.relpath(job.source, folder): [os.path.relpath(path, folder) for path in job.outputs]
        for job in plan(*args, **options)
    }


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("enhance", ["talk.enhanced.mp4"]),
        ("split", ["talk.speech.wav", "talk.background.wav"]),
        ("into-video", ["talk.split.mp4"]),
    ],
)
def test_outputs_stand_beside_the_input(tmp_path, task, expected):
    touch(tmp_path, "talk.mp4")
    assert outputs(tmp_path, [tmp_path / "talk.mp4"], task=task) == {"talk.mp4": expected}


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.wav", ".wav"), ("a.FLAC", ".flac"), ("a.amr", ".wav"), ("a.ra", ".wav"), ("a.ape", ".flac"), ("a.rm", ".mkv")],
)
def test_a_format_that_cannot_be_written_is_replaced_and_said(tmp_path, name, suffix):
    touch(tmp_path, name)
    (job,) = plan([tmp_path / name])
    assert job.outputs[0] == str(tmp_path / f"a.enhanced{suffix}")
    assert bool(job.note) == (suffix not in name.lower())
    if job.note:
        assert suffix in job.note and os.path.splitext(name)[1] in job.note


def test_a_folder_keeps_its_tree(tmp_path):
    touch(tmp_path / "in", "a.wav", "deep/er/b.mp3", "notes.txt", "._a.wav", ".hidden/c.wav")
    found = outputs(tmp_path, [tmp_path / "in"], tmp_path / "out")
    assert found == {
        "in/a.wav": ["out/a.enhanced.wav"],
        "in/deep/er/b.mp3": ["out/deep/er/b.enhanced.mp3"],
    }


def test_several_folders_keep_their_names(tmp_path):
    touch(tmp_path, "one/01.mp3", "two/01.mp3", "two/deep/02.mp3", "alone.wav")
    found = outputs(tmp_path, [tmp_path / "one", tmp_path / "two", tmp_path / "alone.wav"], tmp_path / "out")
    assert found == {
        "one/01.mp3": ["out/one/01.enhanced.mp3"],
        "two/01.mp3": ["out/two/01.enhanced.mp3"],
        "two/deep/02.mp3": ["out/two/deep/02.enhanced.mp3"],
        "alone.wav": ["out/alone.enhanced.wav"],
    }


def test_own_outputs_are_not_inputs_again(tmp_path):
    touch(tmp_path, "a.wav", "a.enhanced.wav", "a.speech.wav", "a.background.wav", "b.mp4", "b.split.mp4")
    assert list(outputs(tmp_path, [tmp_path])) == ["a.wav", "b.mp4"]
    assert list(outputs(tmp_path, [tmp_path / "a.enhanced.wav"])) == ["a.enhanced.wav"]  # asked for by name


def test_the_output_folder_is_not_searched(tmp_path):
    touch(tmp_path, "a.wav", "out/b.wav")
    assert list(outputs(tmp_path, [tmp_path], tmp_path / "out")) == ["a.wav"]


def test_typescript_is_no_transport_stream(tmp_path):
    touch(tmp_path, "stream.ts")
    (tmp_path / "app.ts").write_text("export {}")
    assert list(outputs(tmp_path, [tmp_path])) == ["stream.ts"]


def test_only_films_of_a_folder_get_tracks(tmp_path):
    touch(tmp_path, "a.wav", "b.mkv")
    assert list(outputs(tmp_path, [tmp_path], task="into-video")) == ["b.mkv"]


def test_inputs_that_would_share_an_output_keep_their_suffix(tmp_path):
    touch(tmp_path, "a.wav", "a.mp3", "b.wav")
    found = outputs(tmp_path, [tmp_path], task="split")
    assert found["a.wav"] == ["a.wav.speech.wav", "a.wav.background.wav"]
    assert found["a.mp3"] == ["a.mp3.speech.wav", "a.mp3.background.wav"]
    assert found["b.wav"] == ["b.speech.wav", "b.background.wav"]


def test_a_clash_that_remains_is_told_before_any_work(tmp_path):
    touch(tmp_path, "x/a.wav", "y/a.wav")
    with pytest.raises(BadOption, match=r"x/a\.wav and .*y/a\.wav would both"):
        plan([tmp_path / "x/a.wav", tmp_path / "y/a.wav"], tmp_path / "out")


def test_a_file_given_twice_is_done_once(tmp_path):
    touch(tmp_path, "a.wav")
    os.symlink(tmp_path / "a.wav", tmp_path / "b.wav")
    assert len(plan([tmp_path / "a.wav", tmp_path, tmp_path / "b.wav"])) == 1


@pytest.mark.parametrize(
    ("inputs", "output", "expected"),
    [
        (["a.wav"], "b.flac", "b.flac"),
        (["a.wav"], "new/", "new/a.enhanced.wav"),
        (["a.wav"], "new", "new/a.enhanced.wav"),
        (["a.wav"], "there", "there/a.enhanced.wav"),
        (["a.wav", "b.wav"], "Dr. Smith", "Dr. Smith/a.enhanced.wav"),
        (["-"], None, "-"),
        (["-"], "new/", "new/stdin.enhanced.wav"),
        (["a.wav"], "-", "-"),
    ],
)
def test_what_the_output_may_name(tmp_path, monkeypatch, inputs, output, expected):
    monkeypatch.chdir(touch(tmp_path, "a.wav", "b.wav"))
    (tmp_path / "there").mkdir()
    assert plan(inputs, output)[0].outputs == (expected,)


def test_a_split_takes_a_name_as_pattern():
    assert plan(["a.mp3"], "parts/b.flac", task="split")[0].outputs == (
        "parts/b.speech.flac",
        "parts/b.background.flac",
    )


@pytest.mark.parametrize(
    ("inputs", "output", "task", "message"),
    [
        ([], None, "enhance", "at least one"),
        (["a.wav", "b.wav"], "c.wav", "enhance", "name a folder: -o c/"),
        (["a.wav", "b.wav"], "-", "enhance", "one recording"),
        (["-", "b.wav"], None, "enhance", "stands alone"),
        (["a.wav"], "-", "split", "name a folder"),
        (["a.wav"], "c.mp3", "split", "sum to the original"),
        (["a.mp4"], "c.mp4", "split", "--into-video"),
        (["a.wav"], "c.xyz", "enhance", r"cannot write \.xyz"),
        (["a.wav"], "", "enhance", "-o is empty"),
    ],
)
def test_what_does_not_go_together_is_refused(inputs, output, task, message):
    with pytest.raises(BadOption, match=message):
        plan(inputs, output, task=task)


def test_tracks_count_from_zero():
    with pytest.raises(BadOption, match="--track counts from 0"):
        plan(["a.wav"], track=-1)


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_the_input_is_never_an_output(tmp_path, link):
    source = touch(tmp_path, "a.wav") / "a.wav"
    output = source
    if link is not None:
        output = tmp_path / "other.wav"
        link(source, output)
    (job,) = plan([source], output, force=True)
    assert isinstance(job.problem, OutputIsInput)
    assert "never overwritten" in str(job.problem)


def test_another_input_is_no_output_either(tmp_path):
    touch(tmp_path, "a.wav", "a.enhanced.wav")
    first, second = plan([tmp_path / "a.wav", tmp_path / "a.enhanced.wav"], force=True)
    assert isinstance(first.problem, OutputIsInput)
    assert second.problem is None


def test_a_folder_that_cannot_be_read_is_one_failure(tmp_path, monkeypatch):
    touch(tmp_path, "a.wav", "locked/b.wav")
    scan = os.scandir

    def refusing(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)  # the superuser may read everything, so permissions would not do
    good, bad = plan([tmp_path])
    assert good.problem is None
    assert isinstance(bad.problem, InputNotFound)
    assert bad.source.endswith("locked") and "permission denied" in str(bad.problem)


def test_a_folder_without_recordings_is_a_failure(tmp_path):
    touch(tmp_path, "notes.txt")
    (job,) = plan([tmp_path])
    assert isinstance(job.problem, BadInput) and "no recording in this folder" in str(job.problem)


NAMES = st.builds(
    "{}{}{}".format,
    st.text(string.ascii_letters + " .'\"[]😀é", min_size=1, max_size=6),
    st.sampled_from(["", ".enhanced", ".speech"]),
    st.sampled_from([".wav", ".mp3", ".amr", ".mkv", ".MP4", ".txt"]),
)


@settings(max_examples=60, deadline=None)
@given(names=st.sets(NAMES, min_size=1, max_size=8), task=st.sampled_from(["enhance", "split"]))
def test_outputs_are_distinct_new_and_stable(tmp_path_factory, names, task):
    folder = touch(tmp_path_factory.mktemp("tree"), *names)
    jobs = [job for job in plan([folder], task=task) if job.problem is None]
    written = [path for job in jobs for path in job.outputs]
    assert len({os.path.normcase(path) for path in written}) == len(written)
    assert not {job.source for job in jobs} & set(written)
    touch(folder, *written)
    assert not any(is_recording(path) for path in written)
    again = [job for job in plan([folder], task=task) if job.problem is None]
    assert [(job.source, job.outputs) for job in again] == [(job.source, job.outputs) for job in jobs]
