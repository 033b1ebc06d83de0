"""Fetching: resumed, checked, unpacked safely, against a server in this process that also misbehaves."""

import hashlib
import io
import json
import tarfile
import threading
import zipfile
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from winnow.cli import run
from winnow.data import corpora, download
from winnow.data.archives import unpack
from winnow.data.corpora.base import Download
from winnow.errors import BadInput, OutputError

BODY = bytes(range(256)) * 4000  # about 1 MB
FAST = download.Options(pause=0.0)


class Server(ThreadingHTTPServer):
    """Serves `files`. cuts: bytes after which the next answers break off; ranges: whether Range is honoured."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.cuts, self.asked = {"/a.bin": BODY}, [], []
        self.ranges, self.status, self.etag = True, None, '"one"'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server, body = self.server, self.server.files.get(self.path)
        server.asked.append(self.headers.get("Range"))
        if server.status or body is None:
            self.send_response(server.status or 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        begin = self._begin(body)
        if begin is None:
            return
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        if server.etag:
            self.send_header("ETag", server.etag)
        self.send_header("Content-Length", str(len(body) - begin))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else len(body)
        self.wfile.write(body[begin : begin + cut])
        self.close_connection = True

    def _begin(self, body):
        asked, server = self.headers.get("Range"), self.server
        if asked is None or not server.ranges or self.headers.get("If-Range", server.etag) != server.etag:
            return 0
        begin = int(asked.removeprefix("bytes=").rstrip("-"))
        if begin < len(body):
            return begin
        self.send_response(416)
        self.send_header("Content-Range", f"bytes */{len(body)}")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def address(server, name="a.bin"):
    return f"http://127.0.0.1:{server.server_address[1]}/{name}"


def fetch(server, folder, tell=lambda *_: None, name="a.bin", **about):
    return download.fetch(Download("all", address(server, name), **about), folder, tell, FAST)


def md5(body):
    return f"md5:{hashlib.md5(body, usedforsecurity=False).hexdigest()}"


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_whole_and_checked(server, tmp_path):
    told = []
    sha = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
    path = fetch(
        server, tmp_path, lambda what, done, total: told.append((what, done, total)), size=len(BODY), checksum=sha
    )
    assert path.read_bytes() == BODY and left(tmp_path) == ["a.bin"]
    assert ("a.bin", len(BODY), len(BODY)) in told and ("checking a.bin", len(BODY), len(BODY)) in told


def test_a_connection_that_breaks_is_taken_up_where_it_broke(server, tmp_path):
    server.cuts = [100_000, 300_000, 1]
    assert fetch(server, tmp_path, checksum=md5(BODY)).read_bytes() == BODY
    assert server.asked == [None, "bytes=100000-", "bytes=400000-", "bytes=400001-"]


def test_a_server_that_ignores_ranges_sends_all_again(server, tmp_path):
    server.cuts, server.ranges = [100_000], False
    assert fetch(server, tmp_path).read_bytes() == BODY


def test_a_file_that_changed_on_the_server_is_fetched_anew(server, tmp_path):
    server.cuts = [0] * 20
    server.cuts[0] = 200_000
    with pytest.raises(download.DownloadFailed, match="goes on where it stopped"):
        fetch(server, tmp_path)
    server.cuts, server.etag, server.files["/a.bin"] = [], '"two"', BODY[::-1]
    assert (tmp_path / ".a.bin.part").stat().st_size == 200_000
    assert fetch(server, tmp_path).read_bytes() == BODY[::-1]


def test_without_tag_and_checksum_nothing_is_glued_together(server, tmp_path):
    """The server's file may have changed since, and nothing would tell."""
    server.cuts, server.etag = [100_000], None
    assert fetch(server, tmp_path).read_bytes() == BODY
    assert server.asked == [None, None]


def test_all_but_the_last_word_had_come(server, tmp_path):
    (tmp_path / ".a.bin.part").write_bytes(BODY)
    (tmp_path / ".a.bin.part.tag").write_text(server.etag)
    assert fetch(server, tmp_path).read_bytes() == BODY
    assert server.asked == [f"bytes={len(BODY)}-"]


@pytest.mark.parametrize(
    ("about", "message"),
    [({"checksum": md5(b"else")}, "its md5 is not the publisher's"), ({"size": 7}, "should have 7")],
)
def test_what_is_not_the_publishers_is_removed(server, tmp_path, about, message):
    with pytest.raises(download.DownloadFailed, match=message):
        fetch(server, tmp_path, **about)
    assert left(tmp_path) in ([], [".a.bin.part.tag"])


@pytest.mark.parametrize(("status", "message"), [(403, "refuses it"), (404, "no such file"), (401, "login")])
def test_refused(server, tmp_path, status, message):
    server.status = status
    with pytest.raises(download.DownloadFailed, match=message):
        fetch(server, tmp_path)
    assert len(server.asked) == 1


def test_a_server_in_trouble_is_asked_again(server, tmp_path):
    server.status = 503
    with pytest.raises(download.DownloadFailed, match=r"the server failed \(503"):
        fetch(server, tmp_path)
    assert len(server.asked) == download.ATTEMPTS


def test_no_network_is_one_line(tmp_path, server):
    server.shutdown()
    server.server_close()
    with pytest.raises(download.DownloadFailed, match="takes no connection"):
        fetch(server, tmp_path)
    unknown = Download("all", "http://nowhere.invalid/a.bin")
    with pytest.raises(download.DownloadFailed, match="is this machine online"):
        download.fetch(unknown, tmp_path, lambda *_: None, FAST)


def test_only_web_addresses(tmp_path):
    (tmp_path / "secret").write_text("x")
    with pytest.raises(BadInput, match="only http"):
        download.fetch(Download("all", (tmp_path / "secret").as_uri() + "2"), tmp_path, lambda *_: None, FAST)


def test_a_full_disk(server, tmp_path, monkeypatch):
    with pytest.raises(OutputError, match=r"GB are free\. Make room"):
        fetch(server, tmp_path, size=10**18)

    def full(*_):
        raise download._NoRoom(28, "No space left on device")

    monkeypatch.setattr(download, "_copy", full)
    with pytest.raises(OutputError, match="No space left on device"):
        fetch(server, tmp_path)
    assert len(server.asked) == 1


def tar(members):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as file:
        for name, body in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            file.addfile(member, io.BytesIO(body))
    return made.getvalue()


def zipped(members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, body in members.items():
            file.writestr(name, body)
    return made.getvalue()


@pytest.mark.parametrize(("suffix", "make"), [(".tar.gz", tar), (".zip", zipped)])
def test_archives_fill_up_a_folder(tmp_path, suffix, make):
    for number, members in enumerate([{"Top/a/1.txt": b"1"}, {"Top/a/2.txt": b"2", "Top/b é.txt": b"3"}]):
        (tmp_path / f"{number}{suffix}").write_bytes(make(members))
        unpack(tmp_path / f"{number}{suffix}", tmp_path)
    assert sorted(p.relative_to(tmp_path).as_posix() for p in (tmp_path / "Top").rglob("*.txt")) == [
        "Top/a/1.txt",
        "Top/a/2.txt",
        "Top/b é.txt",
    ]
    assert not [name for name in left(tmp_path) if "unpacking" in name]


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "a\\..\\..\\out.txt"])
def test_archives_cannot_leave_the_folder(tmp_path, name):
    inner = tmp_path / "inner"
    for suffix, make in ((".zip", zipped), (".tar", tar)):
        inner.mkdir(exist_ok=True)
        (inner / f"x{suffix}").write_bytes(make({"good.txt": b"x", name: b"evil"}))
        try:
            unpack(inner / f"x{suffix}", inner)
        except BadInput:
            assert not (inner / "good.txt").exists()
        assert not (tmp_path / "out.txt").exists()


def test_links_out_of_the_folder_are_refused(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as file:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "../../etc"
        file.addfile(link)
    with pytest.raises(BadInput, match="not safe"):
        unpack(tmp_path / "x.tar", tmp_path)
    assert left(tmp_path) == ["x.tar"]


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz", ".tar.bz2"])
def test_damaged_archives(tmp_path, suffix):
    for number, body in enumerate(
        [b"", b"no archive at all" * 99, (tar if "tar" in suffix else zipped)({"a": BODY})[:-500]]
    ):
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(body)
        with pytest.raises(BadInput, match="damaged"):
            unpack(path, tmp_path)
        path.unlink()
    assert left(tmp_path) == []


@pytest.fixture
def published(server, monkeypatch):
    """A corpus whose two parts lie on the server."""
    server.files = {"/one.tar.gz": tar({"Top/1.txt": b"1"}), "/two.zip": zipped({"Top/2.txt": b"2"})}
    parts = tuple(Download(name.split(".")[0], address(server, name)) for name in ("one.tar.gz", "two.zip"))
    corpus = replace(corpora.find_corpus("librispeech"), downloads=parts)
    monkeypatch.setattr(corpora, "find_corpus", lambda name: corpus)
    return corpus


def test_the_command(published, server, tmp_path, capsys):
    goal = tmp_path / "a folder 🎧"
    command = ["data", "download", "librispeech", "-o", str(goal)]
    assert run([*command[:3], "one", *command[3:]]) == 0
    assert run(command) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [f"{goal}   1 fetched", f"{goal}   1 fetched, 1 there already"]
    assert "CC BY 4.0" in err
    assert sorted(path.name for path in (goal / "Top").iterdir()) == ["1.txt", "2.txt"]
    assert set(json.loads((goal / download.RECORD).read_text())) == {each.url for each in published.downloads}
    assert len(server.asked) == 2


def test_the_command_says_what_is_wrong(published, server, tmp_path, capsys):
    server.status = 403
    command = partial(run_lines, capsys)
    assert command("download", "librispeech", "-o", tmp_path) == (1, "refuses it")
    assert command("download", "librispeech", "three", "-o", tmp_path) == (2, "there are one, two")
    (tmp_path / "file").write_text("")
    assert command("download", "librispeech", "-o", tmp_path / "file") == (1, "cannot be written")


def test_what_may_not_be_fetched_says_how_to_get_it(tmp_path, capsys):
    assert run_lines(capsys, "download", "voxceleb", "-o", tmp_path, wanted="request form")[0] == 2
    assert run_lines(capsys, "download", "folder", "-o", tmp_path, wanted="your own")[0] == 2


def run_lines(capsys, *arguments, wanted=None):
    """Exit code, and which of the expected phrases the one line on standard error has."""
    code = run(["data", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    phrases = [wanted] if wanted else ["refuses it", "there are one, two", "cannot be written"]
    return code, next((phrase for phrase in phrases if phrase in err), err)


def test_every_published_address_is_one(tmp_path):
    for corpus in corpora.all_corpora():
        assert corpus.downloads or corpus.how or not corpus.home, corpus.name
        parts = [each.part for each in corpus.downloads]
        assert len(set(parts)) == len(parts)
        for each in corpus.downloads:
            assert each.url.startswith(("https://", "http://storage.googleapis.com/")) and download.name_of(each.url)
            kind, _, value = (each.checksum or "").partition(":")
            assert len(value) == {"": 0, "md5": 32, "sha256": 64}[kind]
