"""Corpora of noise and rooms: trees with the true layout and names, some files in each, walked."""

import csv
import io
from pathlib import Path

import pytest

from winnow.data.corpora import all_corpora, find_corpus
from winnow.data.corpora.esc50 import SYSTEM1
from winnow.data.corpora.openslr28 import parse, real_room
from winnow.data.items import KINDS
from winnow.errors import BadInput

NAMES = ["esc50", "urbansound8k", "musan", "demand", "dns", "ace", "openslr28", "mit-survey", "avspeech", "audioset"]


def tree(root: Path, *names: str) -> Path:
    """Empty files of these names: walking reads names and lists, never sound."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def text(path: Path, *rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def walk(name: str, root: Path) -> dict:
    found = list(find_corpus(name).walk(root))
    ids = {each.id: each for each in found}
    assert len(ids) == len(found), "ids are unique"
    assert not [each.id for each in found if " " in each.id]
    assert {each.kind for each in found} <= set(KINDS)
    return ids


@pytest.mark.parametrize("name", NAMES)
def test_a_corpus_says_what_it_is_and_a_wrong_tree_is_one_line(tmp_path, name):
    corpus = find_corpus(name)
    assert corpus.name == name and set(corpus.kinds) <= set(KINDS)
    assert corpus.licence and corpus.home.startswith("https://") and corpus.citation and corpus.layout
    assert corpus.downloads or corpus.how
    assert all(each.url.startswith("http") for each in corpus.downloads)
    parts = [each.part for each in corpus.downloads]
    assert len(parts) == len(set(parts))
    for folder in (tree(tmp_path / "other", "holiday.txt"), tmp_path / "none"):
        with pytest.raises(BadInput) as error:
            list(corpus.walk(folder))
        message = str(error.value)
        assert "\n" not in message and (
            ("expected" in message and "holiday.txt" in message) or "none: this folder" in message
        )


def test_every_corpus_of_the_register_loads():
    assert set(NAMES) <= {corpus.name for corpus in all_corpora()}


def esc50(root: Path) -> Path:
    rows = [
        "filename,fold,target,category,esc10,src_file,take",
        "1-100032-A-0.wav,1,0,dog,True,100032,A",
        "1-26806-A-1.wav,1,1,rooster,True,26806,A",
        "1-172649-A-40.wav,1,40,helicopter,False,172649,A",
        "2-155801-A-11.wav,2,11,sea_waves,False,155801,A",
        "5-156698-A-26.wav,5,26,laughing,False,156698,A",
    ]
    base = root / "ESC-50-master"
    text(base / "meta" / "esc50.csv", *rows)
    text(
        base / "LICENSE", "101 - Dog:", "- [1-100032-A.ogg]: clip derived from rose_bark.wav (http://x/) by nfrae [CC0]"
    )
    tree(base / "audio", *(row.split(",")[0] for row in rows[1:]))
    return root


@pytest.mark.parametrize("inner", ["", "ESC-50-master"])
def test_esc50(tmp_path, inner):
    found = walk("esc50", esc50(tmp_path) / inner)
    dog, rooster, helicopter = found["1-100032-A-0"], found["1-26806-A-1"], found["1-172649-A-40"]
    assert dog.label == "dog" and dog.source == "freesound-100032" and dog.path.is_file()
    assert dog.extra == {"fold": 1, "esc10": True, "origin_licence": "CC0"}
    assert dog.licence.startswith("CC BY 3.0") and dog.non_commercial is False
    assert helicopter.licence.startswith("CC BY-NC") and helicopter.non_commercial is True
    assert rooster.extra["system1"] and found["5-156698-A-26"].extra["system1"]
    assert "system1" not in dog.extra and "system1" not in helicopter.extra
    assert len(SYSTEM1) == 20


def test_esc50_without_sound_or_with_another_table(tmp_path):
    text(tmp_path / "meta" / "esc50.csv", "filename,fold,target,category,esc10,src_file,take")
    with pytest.raises(BadInput, match="expected audio in"):
        list(find_corpus("esc50").walk(tmp_path))
    (tmp_path / "audio").mkdir()
    text(tmp_path / "meta" / "esc50.csv", "filename,fold,category", "a.wav,1,dog")
    with pytest.raises(BadInput, match="expected a column 'target'"):
        list(find_corpus("esc50").walk(tmp_path))
    text(tmp_path / "meta" / "esc50.csv", "filename,fold,target,category,esc10,src_file,take", "1-1-A-0.wav,1,0")
    with pytest.raises(BadInput, match=r"esc50\.csv: row 2 has fewer"):
        list(find_corpus("esc50").walk(tmp_path))


def test_urbansound8k(tmp_path):
    base = tmp_path / "UrbanSound8K"
    text(
        base / "metadata" / "UrbanSound8K.csv",
        "slice_file_name,fsID,start,end,salience,fold,classID,class",
        "100032-3-0-0.wav,100032,0.0,0.317551,1,5,3,dog_bark",
        "100263-2-0-117.wav,100263,58.5,62.5,2,10,2,children_playing",
        "100263-2-0-121.wav,100263,60.5,64.5,2,10,2,children_playing",
    )
    tree(base / "audio", "fold5/100032-3-0-0.wav", "fold10/100263-2-0-117.wav", "fold10/100263-2-0-121.wav")
    found = walk("urbansound8k", tmp_path)
    assert all(each.path.is_file() for each in found.values())
    assert found["100032-3-0-0"].extra == {"fold": 5, "in_front": True}
    slices = [found["100263-2-0-117"], found["100263-2-0-121"]]
    assert {each.source for each in slices} == {"freesound-100263"}, "slices of one recording share their source"
    assert slices[0].label == "children_playing" and slices[0].extra["in_front"] is False


def musan(root: Path) -> Path:
    base = root / "musan"
    tree(
        base,
        "music/fma/music-fma-0000.wav",
        "music/fma/music-fma-0001.wav",
        "noise/free-sound/noise-free-sound-0000.wav",
        "noise/free-sound/noise-free-sound-0002.wav",
        "noise/sound-bible/noise-sound-bible-0000.wav",
        "speech/librivox/speech-librivox-0000.wav",
        "speech/us-gov/speech-us-gov-0000.wav",
        "noise/free-sound/._noise-free-sound-0000.wav",
    )
    text(base / "music/fma/ANNOTATIONS", "music-fma-0000 jazz,blues Y Some Body", "music-fma-0001 pop N Others")
    text(base / "speech/librivox/ANNOTATIONS", "speech-librivox-0000 m english")
    text(base / "noise/free-sound/ANNOTATIONS", "The following noises are background noises:", "noise-free-sound-0002")
    text(base / "music/fma/LICENSE", "music-fma-0000", "CC BY 3.0")
    return root


def test_musan(tmp_path):
    found = walk("musan", musan(tmp_path))
    assert len(found) == 7
    song = found["music/fma/music-fma-0000"]
    assert (song.kind, song.label, song.extra) == ("music", "jazz,blues", {"vocals": True})
    assert found["music/fma/music-fma-0001"].extra == {"vocals": False}
    assert found["noise/free-sound/noise-free-sound-0000"].extra == {}
    assert found["noise/free-sound/noise-free-sound-0002"].extra == {"background": True}
    reading, hearing = found["speech/librivox/speech-librivox-0000"], found["speech/us-gov/speech-us-gov-0000"]
    assert reading.speaker == "speech-librivox-0000" and reading.extra == {"sex": "m", "language": "english"}
    assert hearing.kind == "speech" and hearing.speaker is None


def test_demand(tmp_path):
    names = [f"DKITCHEN/ch{k:02}.wav" for k in range(1, 17)] + ["SCAFE_48k/SCAFE/ch01.wav", "notes/ch01.wav"]
    found = walk("demand", tree(tmp_path, *names))
    assert len(found) == 17
    kitchen = found["DKITCHEN/ch16"]
    assert kitchen.extra == {"channel": 16, "category": "domestic"}
    assert {each.source for key, each in found.items() if key.startswith("DK")} == {"DKITCHEN"}
    assert found["SCAFE_48k/SCAFE/ch01"].label == "SCAFE"
    assert "DKITCHEN/ch03" in walk("demand", tmp_path / "DKITCHEN"), "the folder of one place will do"


ACE = [
    "Single/Office_1/1/Single_502_1_RIR.wav",
    "Single/Office_1/1/Single_502_1_Ambient.wav",
    "Single/Office_1/1/Single_502_1_Babble.wav",
    "Single/Office_1/1/Single_502_1_Fan.wav",
    "Single/Office_1/2/Single_502_2_RIR.wav",
    "EM32/Building_Lobby/1/EM32_EE_lobby_1_RIR.wav",
    "EM32/Building_Lobby/1/EM32_EE_lobby_1_Fan.wav",
    "Crucif/Office_1/1/Crucif_502_1_Fan.wav",
    "Speech/M1_s1.wav",
]


def test_ace_goes_by_the_end_of_names(tmp_path):
    found = walk("ace", tree(tmp_path, *ACE, "flat/Mobile_403a_1_RIR.wav"))
    assert len(found) == 9, "speech is none"
    assert sorted(key for key, each in found.items() if each.kind == "room") == sorted(
        [*(name[:-4] for name in ACE if name.endswith("_RIR.wav")), "flat/Mobile_403a_1_RIR"]
    )
    room = found["Single/Office_1/2/Single_502_2_RIR"]
    assert (room.room, room.extra) == ("Office_1", {"array": "Single", "position": "2"})
    assert found["EM32/Building_Lobby/1/EM32_EE_lobby_1_RIR"].room == "Building_Lobby"
    assert found["flat/Mobile_403a_1_RIR"].room == "Lecture_Room_2", "by its number where no folder names it"
    babble = found["Single/Office_1/1/Single_502_1_Babble"]
    assert (babble.kind, babble.label, babble.room) == ("noise", "babble", "Office_1")
    fans = [found["Single/Office_1/1/Single_502_1_Fan"], found["Crucif/Office_1/1/Crucif_502_1_Fan"]]
    assert fans[0].source == fans[1].source != found["EM32/Building_Lobby/1/EM32_EE_lobby_1_Fan"].source


REAL, POINT = "real_rirs_isotropic_noises", "pointsource_noises"


def slr28(base: Path, lists: bool) -> None:
    real = ["RVB2014_type1_rir_largeroom1_far_angla.wav", "air_type1_air_binaural_stairway_1_1_1.wav"]
    isotropic, point = "RVB2014_type1_noise_largeroom1_1.wav", "noise-free-sound-0000.wav"
    tree(base, *(f"{REAL}/{name}" for name in (*real, isotropic)), f"{POINT}/{point}")
    sizes = ("smallroom", "mediumroom", "largeroom")
    tree(base / "simulated_rirs", *(f"{size}/Room001/Room001-0000{k}.wav" for size in sizes for k in (1, 2)))
    if not lists:
        return
    up = "RIRS_NOISES"
    text(
        base / REAL / "rir_list",
        f"--rir-id 00001 --room-id RVB2014_largeroom1 {up}/{REAL}/{real[0]}",
        f"--rir-id 00002 --room-id air_air_binaural_stairway_1_1 {up}/{REAL}/{real[1]}",
    )
    text(
        base / REAL / "noise_list",
        f"--noise-id 00001 --noise-type isotropic --room-linkage RVB2014_largeroom1 {up}/{REAL}/{isotropic}",
    )
    text(
        base / POINT / "noise_list",
        f"--noise-id {point[:-4]} --noise-type point-source --bg-fg-type background {up}/{POINT}/{point}",
    )
    for size in sizes:
        text(
            base / "simulated_rirs" / size / "rir_list",
            *(
                f"--rir-id {size}_Room001-0000{k} --room-id Room001 {up}/simulated_rirs/{size}/Room001/Room001-0000{k}.wav"
                for k in (1, 2)
            ),
        )


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("inner", ["", "RIRS_NOISES"])
def test_openslr28(tmp_path, lists, inner):
    slr28(tmp_path / "RIRS_NOISES", lists)
    found = walk("openslr28", tmp_path / inner)
    assert len(found) == 10 and all(each.path.is_file() for each in found.values())
    far = found[f"{REAL}/RVB2014_type1_rir_largeroom1_far_angla"]
    assert (far.kind, far.room, far.extra) == ("room", "real/RVB2014_largeroom1", {"simulated": False})
    noise = found[f"{REAL}/RVB2014_type1_noise_largeroom1_1"]
    assert (noise.kind, noise.label, noise.room) == ("noise", "isotropic", "real/RVB2014_largeroom1")
    simulated = {each.room for key, each in found.items() if key.startswith("simulated")}
    assert simulated == {f"{size}/Room001" for size in ("smallroom", "mediumroom", "largeroom")}, "counted anew in each"
    point = found[f"{POINT}/noise-free-sound-0000"]
    assert (point.kind, point.label, point.room) == ("noise", "point-source", None)
    assert point.extra == ({"background": True} if lists else {})


def test_openslr28_lists():
    assert parse("--rir-id 1 --room-id R a/b.wav", "") == ({"rir-id": "1", "room-id": "R"}, "a/b.wav")
    for line in ("--rir-id 1 --room-id", "a.wav b.wav", "--rir-id 1"):
        with pytest.raises(BadInput, match="rir_list:3: expected"):
            parse(line, "rir_list:3")
    assert real_room("RWCP_type1_rir_cirline_jr1_imp010") == "RWCP_cirline_jr1"


def test_openslr28_a_list_in_disorder_names_the_line(tmp_path):
    slr28(tmp_path, True)
    text(tmp_path / REAL / "rir_list", "--rir-id 1 --room-id r x.wav", "--rir-id 00001 nonsense --room-id")
    with pytest.raises(BadInput, match="rir_list:2: expected"):
        list(find_corpus("openslr28").walk(tmp_path))


def test_mit_survey(tmp_path):
    names = [
        "h001_Bedroom_65txts.wav",
        "h003_Office_LargeBrickWalledOpenPlanOffice_56txts.wav",
        "h270_Hallway_House_1txts.wav",
    ]
    found = walk("mit-survey", tree(tmp_path / "Audio", *names, "readme.wav"))
    assert len(found) == 3 and len({each.room for each in found.values()}) == 3
    office = found["h003_Office_LargeBrickWalledOpenPlanOffice_56txts"]
    assert (office.kind, office.label, office.extra) == ("room", "Office", {"texts": 56})
    assert office.room == "h003_Office_LargeBrickWalledOpenPlanOffice"


DNS = {
    "clean_fullband/read_speech/book_00000_chp_0009_reader_06709_0_seg_1.wav": ("speech", "reader_06709"),
    "clean_fullband/vctk_wav48_silence_trimmed/p225/p225_001_mic1.wav": ("speech", "p225"),
    "clean_fullband/emotional_speech/crema_d/1001_DFA_ANG_XX.wav": ("speech", "crema-1001"),
    "clean_fullband/german_speech/M-AILABS/stueck_001.wav": ("speech", None),
    "noise_fullband/door_Freesound_validated_389374_0.wav": ("noise", "freesound-389374"),
    "noise_fullband/-_p2ztXGGwQ.wav": ("noise", "youtube--_p2ztXGGwQ"),
    "impulse_responses/SLR26/simulated_rirs_48k/smallroom/Room093/Room093-00001.wav": (
        "room",
        "SLR26/smallroom/Room093",
    ),
    f"impulse_responses/SLR28/RIRS_NOISES/{REAL}/RVB2014_type1_rir_largeroom1_far_angla.wav": (
        "room",
        "SLR28/RVB2014_largeroom1",
    ),
    f"impulse_responses/SLR28/RIRS_NOISES/{REAL}/RVB2014_type1_noise_largeroom1_1.wav": (
        "noise",
        "RVB2014_type1_noise_largeroom1_1",
    ),
    "dev_testset/noisy.wav": None,
}


@pytest.mark.parametrize("inner", ["", "datasets_fullband", "datasets_fullband/noise_fullband"])
def test_dns(tmp_path, inner):
    tree(tmp_path / "datasets_fullband", *DNS)
    found = {
        each.path.relative_to(tmp_path / "datasets_fullband").as_posix(): each
        for each in walk("dns", tmp_path / inner).values()
    }
    wanted = {
        name: value
        for name, value in DNS.items()
        if value and (not inner.endswith("noise_fullband") or name.startswith("noise"))
    }
    assert set(found) == set(wanted)
    for name, (kind, who) in wanted.items():
        each = found[name]
        assert (each.kind, {"speech": each.speaker, "noise": each.source, "room": each.room}[kind]) == (kind, who)


def test_dns_of_the_first_challenges(tmp_path):
    tree(
        tmp_path / "datasets",
        "clean/book_1_chp_2_reader_3_4.wav",
        "noise/a.wav",
        "test_set/synthetic/no_reverb/noisy/x.wav",
    )
    assert {each.kind for each in walk("dns", tmp_path).values()} == {"speech", "noise"}


def test_clips_by_either_form_of_their_names(tmp_path):
    tree(tmp_path, "0:abcdefghijk.wav", "17_-bc_efgh-jk.mp4", "other.wav")
    found = walk("avspeech", tmp_path)
    assert {(each.speaker, each.extra["row"]) for each in found.values()} == {("abcdefghijk", 0), ("-bc_efgh-jk", 17)}
    assert {each.kind for each in walk("audioset", tmp_path).values()} == {"noise"}


def test_the_tables_stand_quotes_and_commas(tmp_path):
    buffer = io.StringIO()
    csv.writer(buffer).writerows(
        [
            ["filename", "fold", "target", "category", "esc10", "src_file", "take"],
            ["a, b.wav", 1, 0, 'say "x"', "False", 1, "A"],
        ]
    )
    text(tmp_path / "meta" / "esc50.csv", buffer.getvalue())
    tree(tmp_path, "audio/a, b.wav")
    found = list(find_corpus("esc50").walk(tmp_path))
    assert found[0].label == 'say "x"' and found[0].path.is_file()
