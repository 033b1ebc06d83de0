"""Corpora of speech, each on a tiny tree with its true layout and names. Walking reads names and lists, so files are empty."""

import re

import pytest

from winnow.data.corpora import MODULES, all_corpora, daps, find_corpus, grid, tree
from winnow.data.corpora.folder import Folder
from winnow.data.items import KINDS
from winnow.errors import BadInput, BadOption, InputNotFound


def plant(top, *names, **texts):
    """Empty files, and files with text: `{"a/b.txt": "..."}`."""
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).touch()
    for name, text in texts.pop("texts", {}).items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text, encoding="utf-8")
    return top


def walk(name, top):
    found = list(find_corpus(name).walk(top))
    assert len({each.id for each in found}) == len(found)
    assert all(each.path.is_file() and each.kind in KINDS and not re.search(r"\s", each.id) for each in found)
    assert found == list(find_corpus(name).walk(top))
    return found


def by_id(name, top):
    return {each.id: each for each in walk(name, top)}


LIBRI = {
    "LibriSpeech/SPEAKERS.TXT": "; comment\n84   | F | dev-clean   |  8.02 | C\n103 | M | train-clean-100 | 25 | K\n",
    "LibriSpeech/dev-clean/84/121123/84-121123.trans.txt": "84-121123-0000 GO DO YOU HEAR\n84-121123-0001 BUT IN LESS\n",
}


@pytest.fixture
def libri(tmp_path):
    names = [f"dev-clean/84/121123/84-121123-000{k}.flac" for k in (1, 0)] + [
        "train-clean-100/103/1240/103-1240-0000.flac"
    ]
    return plant(tmp_path, *(f"LibriSpeech/{name}" for name in names), texts=LIBRI)


def test_librispeech(libri):
    found = by_id("librispeech", libri)
    assert list(found) == ["84-121123-0000", "84-121123-0001", "103-1240-0000"]
    first, last = found["84-121123-0000"], found["103-1240-0000"]
    assert (first.speaker, first.text, first.split) == ("84", "GO DO YOU HEAR", "valid")
    assert first.extra == {"subset": "dev-clean", "sex": "F"}
    assert (last.speaker, last.text, last.split, last.extra["sex"]) == ("103", None, "train", "M")


def test_librispeech_by_its_folder_and_by_a_subset(libri):
    inner = libri / "LibriSpeech"
    assert walk("librispeech", inner) == walk("librispeech", libri)
    assert [each.extra["sex"] for each in walk("librispeech", inner / "dev-clean")] == ["F", "F"]


def test_vctk_of_both_versions(tmp_path):
    new = plant(
        tmp_path / "new",
        "wav48_silence_trimmed/p225/p225_001_mic1.flac",
        "wav48_silence_trimmed/p225/p225_001_mic2.flac",
        "wav48_silence_trimmed/s5/s5_400_mic1.flac",
        "wav48_silence_trimmed/log.txt",
        texts={
            "speaker-info.txt": "ID  AGE  GENDER  ACCENTS  REGION COMMENTS \np225  23  F    English    Southern  England\n",
            "txt/p225/p225_001.txt": "Please call Stella.\n",
        },
    )
    found = by_id("vctk", new)
    assert list(found) == ["p225_001_mic1", "p225_001_mic2", "s5_400_mic1"]
    one = found["p225_001_mic2"]
    assert (one.speaker, one.text) == ("p225", "Please call Stella.")
    assert one.extra == {"sex": "F", "accent": "English", "microphone": "mic2"}
    info = {"VCTK-Corpus/speaker-info.txt": "ID  AGE  GENDER  ACCENTS  REGION \n225  23  F    English    Southern\n"}
    old = plant(tmp_path / "old", "VCTK-Corpus/wav48/p225/p225_001.wav", texts=info)
    assert by_id("vctk", old)["p225_001"].extra == {"sex": "F", "accent": "English"}


def test_voicebank_demand(tmp_path):
    names = ["testset_wav/p232_001.wav", "trainset_28spk_wav/p226_001.wav", "trainset_28spk_wav/p226_002.wav"]
    texts = {"log_testset.txt": "p232_001 bus 17.5\n", "testset_txt/p232_001.txt": "Please call Stella.\n"}
    top = plant(tmp_path, *(f"{side}_{name}" for name in names for side in ("clean", "noisy")), texts=texts)
    found = by_id("voicebank-demand", top)
    assert list(found) == ["testset/p232_001", "trainset_28spk/p226_001", "trainset_28spk/p226_002"]
    test = found["testset/p232_001"]
    assert (test.kind, test.speaker, test.label, test.split) == ("mixture", "p232", "bus", "test")
    assert test.clean == top / "clean_testset_wav/p232_001.wav" and test.text == "Please call Stella."
    assert test.extra == {"set": "testset", "snr": 17.5}
    assert found["trainset_28spk/p226_002"].split == "train"
    (top / "clean_trainset_28spk_wav/p226_002.wav").unlink()
    with pytest.raises(BadInput, match=r"expected its clean twin .*p226_002\.wav; there is none"):
        walk("voicebank-demand", top)


@pytest.fixture(scope="module")
def whole_daps(tmp_path_factory):
    """All 1500 names, and what macOS leaves in the archive."""
    top = tmp_path_factory.mktemp("daps")
    speakers = [f"{sex}{number}" for sex in "fm" for number in range(1, 11)]
    for folder in daps.FOLDERS:
        names = [f"{speaker}_script{number}_{folder}.wav" for speaker in speakers for number in range(1, 6)]
        plant(top / "daps" / folder, *names, *(f"._{name}" for name in names))
    return plant(top, "daps/._clean", texts={"daps/supporting/script1.txt": "Once upon\na time\n"})


def test_daps_as_published(whole_daps):
    found = walk("daps", whole_daps)
    assert len(found) == 15 * 20 * 5
    assert {each.label for each in found} == set(daps.FOLDERS) and len(daps.DEVICES) == 12
    train = {each.speaker for each in found if each.split == "train"}
    assert len(train) == 18 and not train & {"f10", "m10"}
    assert {each.speaker for each in found if each.split == "valid"} == {"f10", "m10"}
    assert {each.extra["script"] for each in found if each.split == "train"} == {f"script{k}" for k in range(1, 5)}
    evaluation = [each for each in found if each.split == "test" and each.kind == "mixture"]
    assert len(evaluation) == 240 == len({(each.speaker, each.label) for each in evaluation})
    assert {each.extra["script"] for each in evaluation} == {"script5"}


def test_daps_twins_are_the_studios(whole_daps):
    for each in walk("daps", whole_daps):
        if each.kind == "mixture":
            assert each.clean.parent.name == "clean" and each.clean.name == each.path.name.replace(each.label, "clean")
        else:
            assert each.label in daps.STUDIO and each.clean is None
    first = next(iter(find_corpus("daps").walk(whole_daps)))
    assert first.text == "Once upon a time"


def test_daps_with_a_strange_name(tmp_path):
    plant(tmp_path, "clean/f1_script1_clean.wav", "ipad_office1/f1_script1_ipad_office2.wav")
    with pytest.raises(BadInput, match=r"expected a name such as f1_script1_ipad_office1\.wav"):
        walk("daps", tmp_path)


MIX = "4640-19187-0024_3081-166546-0042.wav"


def test_librimix(tmp_path):
    subset = "Libri2Mix/wav16k/min/train-100"
    kinds = ("mix_clean", "mix_both", "s1", "s2", "noise")
    metrics = "mixture_ID,source_1_SNR,source_2_SNR,noise_SNR\n4640-19187-0024_3081-166546-0042,1.5,-2.5,-4\n"
    top = plant(
        tmp_path,
        *(f"{subset}/{kind}/{MIX}" for kind in kinds),
        *(f"Libri2Mix/wav16k/min/test/{kind}/{MIX}" for kind in ("mix_clean", "s1", "s2")),
        texts={"Libri2Mix/wav16k/min/metadata/metrics_train-100_mix_both.csv": metrics},
    )
    found = by_id("librimix", top)
    assert [(each.split, each.label) for each in found.values()] == [
        ("test", "mix_clean"),
        ("train", "mix_both"),
        ("train", "mix_clean"),
    ]
    both = next(each for each in found.values() if each.label == "mix_both")
    assert both.id == f"{subset}/mix_both/{MIX.removesuffix('.wav')}"
    assert both.clean == top / subset / "s1" / MIX and both.speaker == "4640"
    assert both.extra["talkers"] == ["4640", "3081"] and both.extra["noise_SNR"] == -4.0
    assert set(both.extra["stems"]) == {"s1", "s2", "noise"}
    assert all((both.path.parent / stem).is_file() for stem in both.extra["stems"].values())
    inner = [(each.path, each.split) for each in walk("librimix", top / "Libri2Mix/wav16k/min")]
    assert inner == [(each.path, each.split) for each in found.values()]
    (top / subset / "s2" / MIX).unlink()
    with pytest.raises(BadInput, match=r"expected the talker alone in .*s2"):
        walk("librimix", top)


def test_voxceleb_of_both_versions(tmp_path):
    top = plant(
        tmp_path,
        "dev/aac/id00012/21Uxsk56VDQ/00001.m4a",
        "test/wav/id10270/5r0dWxy17C8/00001.wav",
        "wav/id10001/1zcIwhmdeo4/00001.wav",
        texts={
            "vox1_meta.csv": "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\nid10001\tA.J._Buckley\tm\tIreland\tdev\n",
            "vox2_meta.csv": "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \nid00012 ,n000012 ,f ,dev \n",
        },
    )
    found = by_id("voxceleb", top)
    assert list(found) == ["id00012/21Uxsk56VDQ/00001", "id10270/5r0dWxy17C8/00001", "id10001/1zcIwhmdeo4/00001"]
    first, second, third = found.values()
    assert (first.speaker, first.source, first.split, first.extra) == (
        "id00012",
        "youtube-21Uxsk56VDQ",
        "train",
        {"sex": "F"},
    )
    assert (second.split, third.split, third.extra) == ("test", None, {"sex": "M"})


def test_vivos(tmp_path):
    top = plant(
        tmp_path,
        "vivos/train/waves/VIVOSSPK01/VIVOSSPK01_R001.wav",
        "vivos/test/waves/VIVOSDEV01/VIVOSDEV01_R002.wav",
        texts={
            "vivos/train/prompts.txt": "VIVOSSPK01_R001 KHÁCH SẠN\n",
            "vivos/train/genders.txt": "VIVOSSPK01 m\n",
        },
    )
    first, second = walk("vivos", top)
    assert (first.speaker, first.text, first.split) == ("VIVOSSPK01", "KHÁCH SẠN", "train")
    assert first.extra == {"language": "vi", "sex": "M"}
    assert (second.id, second.split, second.extra) == ("VIVOSDEV01_R002", "test", {"language": "vi"})


def test_common_voice(tmp_path):
    columns = "client_id\tpath\tsentence\tup_votes\tage\tgender\tlocale\n"
    row = 'c0ffee{0}\tcommon_voice_vi_{0}.mp3\tEr sagte "ja\t2\t\tfemale_feminine\tvi\n'
    inner = "cv-corpus-17.0-2024-03-15/vi"
    lists = {"train": columns + row.format(1) + row.format(2), "dev": columns + row.format(3), "validated": columns}
    texts = {f"{inner}/{name}.tsv": text for name, text in lists.items()}
    top = plant(tmp_path, *(f"{inner}/clips/common_voice_vi_{k}.mp3" for k in (1, 2, 3, 4)), texts=texts)
    found = by_id("common-voice", top)
    assert [each.split for each in found.values()] == ["train", "train", "valid"]
    first = found["common_voice_vi_1"]
    assert (first.speaker, first.text) == ("c0ffee1", 'Er sagte "ja')
    assert first.extra == {"sex": "female_feminine", "language": "vi"}
    assert len(walk("common-voice", top / inner)) == 3
    for name in ("train", "dev"):
        (top / inner / f"{name}.tsv").unlink()
    (top / inner / "validated.tsv").write_text(columns + row.format(4))
    assert [(each.id, each.split) for each in walk("common-voice", top)] == [("common_voice_vi_4", None)]


def test_grid(tmp_path):
    top = plant(
        tmp_path, "s10/bbaf2n.mpg", "s2/video/swiz3n.mpg", "s2/align/swiz3n.align", "s10/notes.wav", "s10/bbaf2n.wav"
    )
    found = by_id("grid", top)
    assert list(found) == ["s2/swiz3n.mpg", "s10/bbaf2n.mpg", "s10/bbaf2n.wav"]
    assert found["s10/bbaf2n.mpg"].text == "bin blue at f two now" and found["s10/bbaf2n.wav"].speaker == "s10"


def test_grid_has_a_sentence_for_each_of_its_64000_names():
    import itertools

    names = ["".join(letters) for letters in itertools.product(*grid.WORDS)]
    assert len(names) == 64000 == len({grid.sentence(name) for name in names})
    assert grid.sentence("lwbsza") == "lay white by s zero again"
    assert grid.sentence("notes0") is None and grid.sentence("bbaf2") is None


def test_a_plain_folder(tmp_path):
    names = [
        "anna/day 1/ü 🎧.wav",
        "anna/day 1/ü 🎧.flac",
        "bob/x_1.mp3",
        ".hidden/y.wav",
        "bob/._x_1.mp3",
        "bob/notes.txt",
    ]
    top = plant(tmp_path, *names)
    found = list(Folder(speaker="name-prefix", label="parent").walk(top))
    assert [each.id for each in found] == ["anna/day%201/ü%20🎧.flac", "anna/day%201/ü%20🎧.wav", "bob/x_1.mp3"]
    assert [(each.speaker, each.label) for each in found] == [("ü", "day 1")] * 2 + [("x", "bob")]
    assert [each.speaker for each in Folder().walk(top)] == [None] * 3
    with pytest.raises(BadInput, match="2 folders below"):
        list(Folder(speaker="grandparent").walk(top))
    with pytest.raises(BadOption, match="no place to take a name from"):
        Folder(speaker="mother")
    with pytest.raises(BadInput, match=r"expected recordings .* found notes\.txt"):
        list(Folder().walk(plant(tmp_path / "empty", "notes.txt")))


def test_a_rule_takes_the_folder_it_says(tmp_path):
    top = plant(tmp_path, "room 1/anna/x.wav")
    [found] = Folder("speech", speaker="parent", label="name", room="grandparent").walk(top)
    assert (found.speaker, found.label, found.room) == ("anna", "x", "room 1")


MANIFEST = """path,corpus,speaker_or_class,split,kind,seconds,sample_rate,licence,source_repo
train/speech/librispeech/84/84-1-0.flac,librispeech,84,train,speech,1,16000,CC BY 4.0,who/where
valid/speech48/ravdess/actor19/a.opus,ravdess,actor19,valid,speech48,1,48000,CC BY-NC-SA 4.0 (non-commercial),
train/speech/picovoice-wakeword/alexa/alexa_1.opus,picovoice-wakeword,alexa,train,speech,1,16000,Apache-2.0,
train/speech8k/dns-enrol/enrol_1/enrol_1_0.opus,dns-enrol,enrol_1,train,speech8k,1,8000,CC BY 4.0,
train/noise/esc10/rain/1-17367-A.opus,esc10,rain,train,noise,1,16000,CC BY 3.0,
train/noise48/esc10/rain/1-17367-A.ogg,esc10,rain,train,noise48,1,44100,CC BY 3.0,
train/noise/urbansound8k/siren/127872-0-0-12.opus,urbansound8k,siren,train,noise,1,16000,CC BY-NC 3.0,
train/noise48/moodist/places/cafe.opus,moodist,places,train,noise48,1,48000,CC0,
train/rir/openair/basement/basement_0.flac,openair,basement,train,rir,1,48000,CC BY 4.0,
valid/paired/voicebank-demand-test/noisy/p232_001.flac,voicebank-demand-test,noisy,valid,paired,1,16000,CC BY 4.0,
valid/paired/voicebank-demand-test/clean/p232_001.flac,voicebank-demand-test,clean,valid,paired,1,16000,CC BY 4.0,
av/grid/bbaf2n.mpg,grid,spk-bbaf2n,av,av,2.98,44100,"CC BY 4.0 (GRID, Zenodo)",
"""


@pytest.fixture
def pack(tmp_path):
    names = [line.split(",")[0] for line in MANIFEST.splitlines()[1:]]
    return plant(tmp_path, *names, texts={"MANIFEST.csv": MANIFEST})


def test_a_tree_of_corpora(pack):
    found = {each.path.name: each for each in walk("tree", pack)}
    assert len(found) == 11
    kinds = {name: each.kind for name, each in found.items()}
    assert kinds["a.opus"] == kinds["enrol_1_0.opus"] == kinds["bbaf2n.mpg"] == "speech"
    assert kinds["1-17367-A.ogg"] == "noise" and kinds["basement_0.flac"] == "room"
    assert found["84-1-0.flac"].speaker == "84" and found["84-1-0.flac"].corpus == "librispeech"
    assert (found["alexa_1.opus"].speaker, found["alexa_1.opus"].label) == (None, "alexa")
    assert found["1-17367-A.opus"].source == found["1-17367-A.ogg"].source == "freesound-17367"
    assert found["127872-0-0-12.opus"].source == "freesound-127872"
    assert (found["cafe.opus"].source, found["cafe.opus"].label) == ("moodist/cafe", "places")
    assert found["basement_0.flac"].room == "basement" and found["bbaf2n.mpg"].text == "bin blue at f two now"
    assert [name for name, each in found.items() if each.non_commercial] == ["a.opus", "127872-0-0-12.opus"]
    assert found["bbaf2n.mpg"].split is None and found["a.opus"].split == "valid"


def test_a_tree_pairs_noisy_with_clean(pack):
    mixture = next(each for each in walk("tree", pack) if each.kind == "mixture")
    assert mixture.path.parent.name == "noisy" and mixture.clean.parent.name == "clean"
    assert mixture.speaker == "p232" and mixture.clean.name == mixture.path.name
    mixture.clean.unlink()
    with pytest.raises(BadInput, match="expected its clean twin"):
        walk("tree", pack)


@pytest.mark.parametrize("path", ["../x.wav", "/etc/hosts"])
def test_a_manifest_cannot_lead_out_of_its_folder(pack, path):
    row = f"{path},esc10,rain,train,noise,1,16000,CC0,\n"
    (pack / "MANIFEST.csv").write_text(MANIFEST.splitlines()[0] + "\n" + row)
    with pytest.raises(BadInput, match="leads out of the folder"):
        walk("tree", pack)


def test_a_manifest_without_a_column(pack):
    (pack / "MANIFEST.csv").write_text("path,corpus\na,b\n")
    with pytest.raises(BadInput, match="expected a column 'speaker_or_class'; found path, corpus"):
        walk("tree", pack)


def test_sources_by_name():
    assert tree.source_of("esc50", "5-263831-B-6") == "freesound-263831"
    assert tree.source_of("other", "5-263831-B-6") == "other/5-263831-B-6"


@pytest.mark.parametrize("name", [module.replace("_", "-") for module in MODULES])
def test_a_wrong_tree_says_what_was_expected_and_found(tmp_path, name):
    plant(tmp_path / "strange", *(f"{k}/readme.txt" for k in range(7)))
    with pytest.raises(BadInput, match=r"expected .*; found 0/, 1/, 2/, 3/, 4/ and 2 more") as error:
        list(find_corpus(name).walk(tmp_path / "strange"))
    assert "\n" not in str(error.value)
    (tmp_path / "file").touch()
    for missing in (tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(InputNotFound):
            list(find_corpus(name).walk(missing))


def test_every_corpus_says_what_it_is():
    for corpus in all_corpora():
        assert corpus.licence and corpus.layout and corpus.good_for and set(corpus.kinds) <= set(KINDS)
        assert not corpus.home or corpus.citation
        if re.search(r"BY-NC|for research", corpus.licence):
            assert corpus.non_commercial, corpus.name


def test_a_misspelt_corpus():
    with pytest.raises(BadOption, match="Did you mean librispeech"):
        find_corpus("librispech")
