"""`winnow train show`: tables, curves as text, pictures and the page, from logs written here."""

from __future__ import annotations

import json
import re

import pytest

from winnow.cli import run as winnow
from winnow.train.curves import better, names_of, open_run, spark, summaries


@pytest.fixture
def folders(tmp_path):
    """Two runs, one with a difficult name and a line that is being written."""
    made = []
    for number, name in enumerate(("first", "second 'run' 🎧")):
        folder = tmp_path / name
        folder.mkdir()
        lines = []
        for step in range(10, 110, 10):
            usual = {
                "step": step,
                "minutes": step / 10,
                "hours_heard": 1.0,
                "times_real_time": 5.0,
                "learning_rate": 1e-3,
            }
            lines.append(usual | {"loss": 100 / step + number, "gradient": 1.0})
            if step % 50 == 0:
                lines.append(
                    usual | {"valid_loss": 2.0 + number, "valid_iou": 0.5 - step / 1000, "valid_lsd": step / 100}
                )
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "log.jsonl").write_text(text + '{"step": 110, "lo' * number, encoding="utf-8")
        (folder / "config.json").write_text(json.dumps({"recipe": "unet", "config": {"lr": number}, "schedule": {}}))
        made.append(folder)
    return made


def test_the_best_value_is_the_lowest_loss_and_the_highest_score(folders):
    found = {each.name: each for each in summaries(open_run(folders[1]))}
    assert (found["loss"].best, found["loss"].best_step) == (2.0, 100)
    assert (found["valid_iou"].best, found["valid_iou"].best_step, found["valid_iou"].last) == (0.45, 50, 0.4)
    assert found["valid_lsd"].best == 0.5  # a distance, so less is better
    assert (better("gradient"), better("learning_rate"), better("valid_si_sdr")) == (None, None, "higher")
    assert next(iter(names_of([open_run(folders[0])]))) == "valid_loss"


def test_a_curve_as_text_keeps_its_shape():
    assert spark([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert spark([5, 5, 5]) == "▁▁▁"
    assert len(spark(list(range(1000)))) == 24
    assert spark([0, float("nan"), 7]) == "▁·█"


def test_the_table_and_json_of_two_runs(folders, capsys):
    assert winnow(["train", "show", *map(str, folders)]) == 0
    out = capsys.readouterr().out
    assert out.count("valid_iou") == 2 and "step 100   10.0 min" in out
    assert winnow(["train", "show", str(folders[0]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["first"][0]["name"] == "valid_loss"


def test_the_page_is_one_file_and_the_picture_a_picture(folders, tmp_path, capsys):
    image = pytest.importorskip("PIL.Image", reason="pictures need matplotlib, which brings it")
    pytest.importorskip("matplotlib", reason="pictures need it: pip install winnow-audio[demo]")
    page, picture = tmp_path / "my page.html", tmp_path / "curves.png"
    assert winnow(["train", "show", *map(str, folders), "-o", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.count("<img") == 1 and "second &#x27;run&#x27; 🎧" in text
    assert not re.search(r'(?:src|href)="(?!data:)', text)
    assert winnow(["train", "show", *map(str, folders), "-o", str(picture)]) == 0
    both = image.open(picture)
    assert winnow(["train", "show", str(folders[0]), "-o", str(tmp_path / "one.png")]) == 0
    assert both.size == image.open(tmp_path / "one.png").size
    colours = {colour for _, colour in both.convert("RGB").getcolors(1 << 24)}
    assert {(0x0B, 0x6E, 0x8A), (0xC4, 0x62, 0x2D)} <= colours  # one of each run
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no log.jsonl in this folder"),
        ("", "nothing has been logged yet"),
        ('{"step": 1}\nhello\n', "line 2 is no record"),
        ('{"loss": 1}\n', "line 1 is no record"),
        (b"\xff\xfe\x00", "it is no text"),
    ],
)
def test_what_is_no_run_is_refused_in_one_line(tmp_path, capsys, content, why):
    if content is not None:
        (tmp_path / "log.jsonl").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert winnow(["train", "show", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert why in said and said.count("\n") == 1


def test_only_pages_and_pictures_are_written(folders, capsys):
    assert winnow(["train", "show", str(folders[0]), "-o", "curves.pdf"]) == 2
    assert ".html (a page) or .png" in capsys.readouterr().err
