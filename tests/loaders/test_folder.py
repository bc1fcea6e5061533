"""Every file of a folder becomes a document or a reason, in any encoding people still use."""

from __future__ import annotations

import os
import socket
import unicodedata
from pathlib import Path

import pytest

from synthgen.config.settings import Sources
from synthgen.errors import ConfigError, InputError, UnknownNameError
from synthgen.loaders import folder as walk
from synthgen.loaders.encodings import Decoded, Undecodable, decode
from synthgen.loaders.folder import LOADERS, read_folder
from synthgen.loaders.html import html_to_text
from synthgen.records import Document, Skipped, make_document

DEFAULT = Sources()

KETTLE = {
    "zh-hans": "电水壶是一种常见的家用电器，用来把水烧开。使用之前，请先检查电源线是否完好，然后把水加到最高水位线以下。水烧开以后，"
    "开关会自动断开，这时请等待一分钟再打开盖子，以免被蒸汽烫伤。如果长期不用，应当把壶里的水倒干净，放在干燥通风的地方。每个月用白醋"
    "清洗一次，可以去掉内壁上的水垢，使加热更快，也更省电。请不要把水壶放进洗碗机，也不要让儿童单独使用。发现漏水、异味或者响声异常，"
    "应立即停止使用，并联系售后服务部门进行检查和修理。本产品自购买之日起保修两年，人为损坏不在保修范围之内。",
    "zh-hant": "電熱水壺是一種常見的家用電器，用來把水燒開。使用之前，請先檢查電源線是否完好，然後把水加到最高水位線以下。水燒開以後，"
    "開關會自動斷開，這時請等待一分鐘再打開蓋子，以免被蒸汽燙傷。如果長期不用，應當把壺裡的水倒乾淨，放在乾燥通風的地方。每個月用白醋"
    "清洗一次，可以去掉內壁上的水垢，使加熱更快，也更省電。請不要把水壺放進洗碗機，也不要讓兒童單獨使用。發現漏水、異味或者響聲異常，"
    "應立即停止使用，並聯繫售後服務部門進行檢查和修理。本產品自購買之日起保固兩年，人為損壞不在保固範圍之內。",
    "ja": "電気ケトルはお湯を沸かすための家電製品です。使う前に電源コードに傷がないことを確かめ、最大水位線より下まで水を入れてください。"
    "お湯が沸くとスイッチは自動的に切れます。蒸気でやけどをしないように、一分ほど待ってから蓋を開けてください。長い間使わないときは、中の水を"
    "捨てて、乾いた風通しのよい場所に置きます。月に一度はクエン酸で洗うと、内側の水あかが取れて早く沸くようになります。食器洗い機には"
    "入れないでください。また、小さなお子様だけで使わせないでください。水漏れや異常な音に気づいたら、すぐに使用をやめて販売店に相談してください。",
    "ko": "전기 주전자는 물을 끓이는 데 쓰는 가전제품입니다. 사용하기 전에 전원 코드가 손상되지 않았는지 확인하고, 최고 수위선 아래까지 물을 채우십시오. "
    "물이 끓으면 스위치가 자동으로 꺼집니다. 증기에 데지 않도록 일 분 정도 기다린 다음 뚜껑을 여십시오. 오랫동안 쓰지 않을 때에는 남은 물을 버리고 "
    "건조하고 바람이 잘 통하는 곳에 두십시오. 한 달에 한 번 식초로 씻으면 안쪽의 물때가 없어져 물이 더 빨리 끓습니다. 식기 세척기에 넣지 마시고, "
    "어린이가 혼자 사용하지 않게 하십시오. 물이 새거나 이상한 소리가 나면 바로 사용을 멈추고 서비스 센터에 문의하십시오.",
    "pl": "Czajnik elektryczny służy do gotowania wody. Przed pierwszym użyciem należy sprawdzić, czy przewód nie jest uszkodzony, a następnie napełnić "
    "czajnik poniżej górnej kreski. Gdy woda się zagotuje, wyłącznik zadziała sam. Proszę odczekać minutę, zanim otworzy się pokrywkę, żeby nie poparzyć się parą. "
    "Raz w miesiącu warto usunąć kamień octem, dzięki czemu urządzenie grzeje szybciej i zużywa mniej energii. Jeśli słychać dziwny dźwięk, proszę zgłosić się do serwisu.",
    "cs": "Rychlovarná konvice slouží k vaření vody. Před prvním použitím zkontrolujte, zda není poškozen přívodní kabel, a potom naplňte konvici pod horní rysku. "
    "Jakmile se voda začne vařit, vypínač se sám vypne. Počkejte minutu, než otevřete víčko, abyste se neopařili párou. Jednou za měsíc odstraňte vodní kámen octem, "
    "ohřev pak bude rychlejší. Přístroj nemyjte v myčce. Uslyšíte-li neobvyklý zvuk, přestaňte jej používat a zavolejte do servisu.",
    "hu": "Az elektromos vízforraló víz melegítésére szolgál. Az első használat előtt győződjön meg arról, hogy a vezeték nem sérült, majd töltse meg a készüléket a felső jelzés alá. "
    "Amikor a víz felforr, a kapcsoló önműködően kikapcsol. Várjon egy percet, mielőtt a fedőt kinyitja, nehogy a gőz megégesse. Havonta egyszer ecettel távolítsa el a vízkövet, így gyorsabban melegszik.",
    "ru": "Электрический чайник предназначен для кипячения воды. Перед первым включением убедитесь, что шнур не повреждён, и налейте воду ниже верхней отметки. "
    "Когда вода закипит, выключатель сработает сам. Подождите минуту, прежде чем открывать крышку, чтобы не обжечься паром. Раз в месяц удаляйте накипь уксусом, "
    "тогда прибор будет греть быстрее и тратить меньше энергии. Если вы услышали странный звук, прекратите пользоваться чайником и обратитесь в мастерскую.",
    "de": "Der Wasserkocher erhitzt Wasser. Prüfen Sie vor dem ersten Gebrauch, dass das Kabel unbeschädigt ist, und füllen Sie das Gerät bis unter die obere Markierung. "
    "Sobald das Wasser kocht, löst der Schalter von selbst aus. Warten Sie eine Minute, bevor Sie den Deckel öffnen, damit Sie sich nicht verbrühen. Größere Mengen Kalk entfernen Sie mit Essig.",
    "fr": "La bouilloire électrique sert à chauffer l’eau. Avant la première utilisation, vérifiez que le câble n’est pas abîmé, puis remplissez l’appareil jusqu’au repère supérieur. "
    "Dès que l’eau bout, l’interrupteur se coupe tout seul. Attendez une minute avant d’ouvrir le couvercle, sinon la vapeur pourrait vous brûler. Où que vous soyez, évitez le lave-vaisselle ; ça l’abîme.",
    "es": "El hervidor eléctrico sirve para calentar agua. Antes de usarlo por primera vez, compruebe que el cable no esté dañado y llénelo hasta la marca superior. "
    "Cuando el agua hierva, el interruptor se apagará solo. ¿Cuánto hay que esperar? Espere un minuto antes de abrir la tapa, así el vapor no le quemará las manos. Cada año conviene limpiarlo con vinagre.",
    "el": "Ο ηλεκτρικός βραστήρας χρησιμοποιείται για το βράσιμο του νερού. Πριν από την πρώτη χρήση ελέγξτε ότι το καλώδιο δεν είναι φθαρμένο και γεμίστε τη συσκευή κάτω από την επάνω γραμμή.",
    "th": "กาต้มน้ำไฟฟ้าใช้สำหรับต้มน้ำให้เดือด ก่อนใช้งานครั้งแรกโปรดตรวจสอบว่าสายไฟไม่ชำรุด แล้วเติมน้ำให้ต่ำกว่าขีดบนสุด เมื่อน้ำเดือดแล้วสวิตช์จะตัดเอง",
    "tr": "Elektrikli su ısıtıcısı suyu kaynatmak için kullanılır. İlk kullanımdan önce kablonun hasarlı olmadığını kontrol edin ve cihazı üst çizginin altına kadar doldurun. Su kaynadığında düğme kendiliğinden kapanır. Kapağı açmadan önce bir dakika bekleyin.",
}

LEGACY = [
    ("zh-hans", "gb18030", "gb18030"),
    ("zh-hant", "big5", "cp950"),
    ("ja", "shift_jis", "cp932"),
    ("ja", "euc_jp", "euc_jp"),
    ("ko", "euc_kr", "cp949"),
    ("pl", "cp1250", "cp1250"),
    ("cs", "cp1250", "cp1250"),
    ("hu", "cp1250", "cp1250"),
    ("ru", "cp1251", "cp1251"),
    ("ru", "koi8_r", "koi8_r"),
    ("de", "cp1252", "cp1252"),
    ("fr", "cp1252", "cp1252"),
    ("es", "cp1252", "cp1252"),
    ("el", "cp1253", "cp1253"),
    ("th", "cp874", "cp874"),
    ("tr", "cp1254", "cp1254"),
]


@pytest.fixture
def folder(tmp_path):
    def build(**files):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return build


def read(path, settings=DEFAULT, **options):
    return {found.id if isinstance(found, Document) else found.path: found for found in read_folder(path, settings, **options)}


def reasons(found):
    return {id: skipped.reason for id, skipped in found.items() if isinstance(skipped, Skipped)}


# --- the walk ---------------------------------------------------------------------------------------------------------


def test_every_file_is_a_document_or_a_reason(folder):
    root = folder(
        **{
            "b/README.md": "# Lid\n\nIt closes.",
            "README.md": "# Kettle\n\nIt boils.",
            "a.txt": "Plain.",
            "logo.png": b"\x89PNG\0",
            "Makefile": "all:",
            "empty.md": b"",
            "blank.md": " \n\n",
            "zip.txt": b"PK\x03\x04\0\0",
            "noise.txt": bytes(range(128, 256)) * 4,
            "big.txt": "x" * 101,
            ".git/config.md": "hidden",
            ".git/more.md": "hidden",
            ".secret.md": "hidden",
        }
    )
    found = read(root, Sources(max_bytes=600))
    found |= {k: v for k, v in read(root, Sources(max_bytes=100)).items() if k == "big.txt"}
    assert [id for id, f in found.items() if isinstance(f, Document)] == ["README.md", "a.txt", "b/README.md"]
    assert reasons(found) == {
        ".git": "hidden",
        ".secret.md": "hidden",
        "Makefile": "unknown_type",
        "big.txt": "too_large",
        "blank.md": "empty",
        "empty.md": "empty",
        "logo.png": "unknown_type",
        "noise.txt": "unknown_encoding",
        "zip.txt": "binary",
    }
    assert list(found) == sorted(found)
    assert all(skipped.stage == "sources" and skipped.detail for skipped in found.values() if isinstance(skipped, Skipped))


def test_links_are_not_followed_and_recorded(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.md").write_text("Do not read.")
    root = folder(**{"kettle.md": "It boils."})
    (root / "inside.md").symlink_to(root / "kettle.md")
    (root / "outside.md").symlink_to(outside / "secret.md")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    assert reasons(read(root)) == dict.fromkeys(["folder", "inside.md", "loop", "outside.md"], "link")


def test_the_run_folder_is_as_if_not_there(folder):
    root = folder(**{"kettle.md": "It boils.", "runs/one/old.md": "Generated.", "runs/note.md": "A note."})
    assert list(read(root, exclude=root / "runs" / "one")) == ["kettle.md", "runs/note.md"]


def test_a_file_that_may_not_be_read_is_a_reason(folder, monkeypatch):
    opened = os.open

    def refuse(path, *rest):
        errors = {"gone.md": FileNotFoundError(2, "No such file"), "locked.md": PermissionError(13, "Permission denied")}
        if error := errors.get(Path(path).name):
            raise error
        return opened(path, *rest)

    root = folder(**{"gone.md": "No.", "kettle.md": "It boils.", "locked.md": "No."})
    monkeypatch.setattr(os, "open", refuse)
    found = read(root)
    assert reasons(found) == {"gone.md": "unreadable", "locked.md": "unreadable"}
    assert found["locked.md"].detail == "Permission denied"


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(os.path.relpath(path))  # an absolute path may be too long for the name of a socket


THINGS = {
    "pipe": (os.mkfifo, "unreadable"),
    "folder": (os.mkdir, "unreadable"),
    "socket": (a_socket, "unreadable"),
    "link": (lambda path: path.symlink_to(path.with_name("kettle.md")), "link"),
    "link to a pipe": (lambda path: (os.mkfifo(f"{path}.fifo"), path.symlink_to(f"{path}.fifo")), "link"),
    "link to a device": (lambda path: path.symlink_to("/dev/zero"), "link"),
    "link to itself": (lambda path: path.symlink_to(path), "link"),
    "nothing": (lambda path: None, "unreadable"),
}


@pytest.mark.parametrize("thing", THINGS)
def test_a_file_that_becomes_something_else_after_it_was_listed_is_not_waited_for(folder, monkeypatch, thing):
    root = folder(**{"kettle.md": "It boils.", "other.md": "It boils, too."})
    become, reason = THINGS[thing]
    listed = walk._entries

    def list_and_replace(*given):
        entries = list(listed(*given))
        (root / "other.md").unlink()
        become(root / "other.md")
        return entries

    monkeypatch.setattr(walk, "_entries", list_and_replace)
    assert reasons(read(root)) == {"other.md": reason}


@pytest.mark.parametrize("thing", [thing for thing in THINGS if thing not in ("nothing", "folder")])
def test_what_is_no_file_is_not_waited_for(folder, thing):
    root = folder(**{"kettle.md": "It boils."})
    become, reason = THINGS[thing]
    become(root / "other.md")
    assert reasons(read(root))["other.md"] == reason


def test_a_file_that_grows_while_it_is_read_is_too_large(folder, monkeypatch):
    root = folder(**{"kettle.md": "It boils.", "log.txt": "x" * 100})
    fstat = os.fstat
    monkeypatch.setattr(
        os, "fstat", lambda file: os.stat_result([*fstat(file)[:6], min(fstat(file).st_size, 50), *fstat(file)[7:10]])
    )
    assert reasons(read(root, Sources(max_bytes=50))) == {"log.txt": "too_large"}


LINKS = {
    "two of each other": {"a": "b", "b": "a"},
    "three in a ring": {"a": "b", "b": "c", "c": "a"},
    "of itself": {"a.md": "a.md"},
    "of the folder": {"up": "."},
    "to nothing": {"gone.md": "nowhere.md"},
    "through itself": {"a": "a/b"},
    "into a ring": {"a": "b", "b": "a", "c": "a/deeper/x.md"},
    "of the run folder": {"run-again": "run"},
}


@pytest.mark.parametrize("links", LINKS.values(), ids=LINKS)
def test_links_that_lead_nowhere_or_to_each_other_are_recorded(folder, links):
    root = folder(**{"kettle.md": "It boils."})
    (root / "run").mkdir()
    for name, target in links.items():
        (root / name).symlink_to(target)
    found = read(root, exclude=root / "run")
    assert reasons(found) == {name: "link" for name, target in links.items() if target != "run"}
    assert "kettle.md" in found


def test_ids_are_in_nfc_and_two_spellings_of_one_name_stay_apart(folder):
    composed, decomposed = "caf\u00e9.md", unicodedata.normalize("NFD", "café.md")
    assert list(read(folder(**{decomposed: "Coffee."}))) == [composed]
    assert set(read(folder(**{composed: "Coffee."}))) == {composed, decomposed}


def test_a_name_that_is_not_utf8_is_still_an_id(folder):
    root = folder(**{"kettle.md": "It boils."})
    (root / os.fsdecode(b"caf\xe9.md")).write_bytes(b"Coffee.")
    assert list(read(root)) == ["caf\\xe9.md", "kettle.md"]


def test_other_loaders_are_named_in_the_settings(folder):
    root = folder(**{"notes.log": "It boils.", "page.md": "<p>It closes.</p>"})
    found = read(root, Sources(loaders={"log": ".txt", ".md": ".html"}))
    assert {id: f.text for id, f in found.items()} == {"notes.log": "It boils.", "page.md": "It closes."}
    with pytest.raises(UnknownNameError, match=r"\.rst"):
        read(root, Sources(loaders={".log": "nosuch"}))


OWN_LOADERS = """
from synthgen.records import make_document

ready = "not a function"

def same(raw, id, settings):
    return make_document("same", raw.decode())

def none(raw, id, settings):
    pass

def text(raw, id, settings):
    return raw.decode()

def alone(raw):
    return make_document("a", raw.decode())

def breaks(raw, id, settings):
    raise KeyError("of its own")

def good(raw, id, settings):
    return make_document(id, raw.decode())
"""


@pytest.fixture
def own_loaders(tmp_path, monkeypatch):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "own_loaders.py").write_text(OWN_LOADERS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    return "own_loaders"


@pytest.mark.parametrize(
    ("name", "fault"),
    {
        "same": "returned a document with the id 'same' for the file 'a.log'",
        "none": "returned NoneType for the file 'a.log'",
        "text": "returned str for the file 'a.log'",
        "alone": "cannot be called with these arguments",
        "ready": "has no readable signature",
        "breaks": r"failed on the file 'a.log' in .*own_loaders.py, line \d+ \(KeyError: 'of its own'\)",
    }.items(),
)
def test_a_faulty_loader_is_reported_in_one_sentence(name, fault, folder, own_loaders):
    root = folder(**{"a.log": "It boils.", "b.log": "It closes."})
    read(root, Sources(loaders={".log": f"{own_loaders}:good"}))
    with pytest.raises(
        ConfigError, match=rf"The loader 'own_loaders:{name}' {fault}.*It must be a function of \(raw, id"
    ) as raised:
        read(root, Sources(loaders={".log": f"{own_loaders}:{name}"}))
    assert isinstance(raised.value.__cause__, KeyError if name == "breaks" else type(None))


def test_every_loader_of_the_table_exists(folder):
    assert set(read(folder(**{f"kettle{suffix}": "It boils." for suffix in LOADERS}))) == {f"kettle{s}" for s in LOADERS}


def test_progress_is_told_for_each_file(folder):
    events = []
    read(folder(**{"a.md": "It boils.", "b.png": b"x"}), on_event=events.append)
    assert [(e.stage, e.done, e.total) for e in events] == [("sources", 1, 2), ("sources", 2, 2)]


@pytest.mark.parametrize(
    ("files", "path", "message"),
    [
        ({}, "nowhere", "does not exist"),
        ({"kettle.md": "x"}, "kettle.md", "not a folder of documents"),
        ({}, "", "contains no files"),
        ({"a.png": "x", "b.png": "x", "c.md": b""}, "", r"1 empty, 2 unknown_type"),
    ],
)
def test_a_folder_without_documents_is_an_error_that_says_why(folder, files, path, message):
    with pytest.raises(InputError, match=message):
        read(folder(**files) / path)


# --- encodings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "encoding", "name"), LEGACY)
def test_legacy_text_comes_out_right_and_says_that_it_was_guessed(language, encoding, name):
    text = KETTLE[language]
    assert decode(text.encode(encoding)) == Decoded(text, name, guessed=True)


@pytest.mark.parametrize(("language", "encoding", "name"), LEGACY)
def test_one_sentence_is_enough(language, encoding, name):
    text = KETTLE[language][: 40 if language in ("zh-hans", "zh-hant", "ja", "ko") else 140]
    found = decode(text.encode(encoding))
    assert isinstance(found, Decoded)
    assert found.text == text


def test_chinese_of_characters_that_japanese_has_too_is_chinese():
    text = "他们晚上少玩水、先办理饭卡。"
    assert decode(text.encode("gb18030")) == Decoded(text, "gb18030", guessed=True)


def test_capitals_are_read_as_well():
    text = "НЕ ОТКРЫВАТЬ КРЫШКУ, ПОКА ЧАЙНИК КИПИТ."
    assert decode(text.encode("cp1251")) == Decoded(text, "cp1251", guessed=True)


def test_one_word_that_could_be_anything_is_no_guess():
    assert isinstance(decode("Чайник".encode("koi8_r")), Undecodable)


@pytest.mark.parametrize("language", KETTLE)
def test_utf8_and_marked_utf16_are_no_guesses(language):
    text = KETTLE[language]
    assert decode(text.encode()) == Decoded(text, "utf-8")
    assert decode(text.encode("utf-8-sig"))[1:] == ("utf-8", False)
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le"):
        found = decode(("\ufeff" + text).encode(encoding))
        assert isinstance(found, Decoded)
        assert (found.text, found.guessed) == (text, False)


def test_english_with_curly_quotes_is_windows_text():
    assert decode("It’s “hot” – wait.".encode("cp1252")) == Decoded("It’s “hot” – wait.", "cp1252", guessed=True)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff\xfeo", "unknown_encoding"),
        (b"PK\x03\x04\0\0", "binary"),
        (b"\x01\x02\x03 text", "binary"),
        (bytes(range(128, 256)) * 4, "unknown_encoding"),
        ("It boils.".encode("utf-16-le"), "binary"),
    ],
)
def test_what_is_no_text_has_a_reason(raw, reason):
    found = decode(raw)
    assert isinstance(found, Undecodable)
    assert found.reason == reason


def test_the_setting_overrides_and_is_checked():
    raw = "čaj".encode("iso8859_2")
    assert decode(raw, "latin2") == Decoded("čaj", "iso8859-2")
    assert decode(b"\x81", "ascii") == Undecodable("unknown_encoding", "is not ascii")
    with pytest.raises(ConfigError, match="utf9"):
        decode(raw, "utf9")


def test_a_guess_is_recorded_in_the_metadata(folder):
    found = read(folder(**{"tee.md": KETTLE["de"].encode("cp1252"), "tea.md": "Tea."}))
    assert found["tee.md"].metadata["encoding"] == "cp1252"
    assert found["tee.md"].metadata["encoding_guessed"] is True
    assert found["tea.md"].metadata == {"format": "markdown", "encoding": "utf-8", "bytes": 4}


# --- documents --------------------------------------------------------------------------------------------------------


def test_text_is_in_normal_form_and_hashed(folder):
    found = read(folder(**{"a.txt": b"\xef\xbb\xbfCafe\xcc\x81\r\nboils.\r"}))["a.txt"]
    assert found == make_document("a.txt", "Café\nboils.\n", metadata=found.metadata, language=found.language)


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("a.md", "---\ntitle: 2024\nlist: [1]\n---\n# Other\n", "2024"),
        ("a.md", "Before.\n\n```\n# code\n```\n\n## The *lid*\n", "The lid"),
        ("a.rst", "Lid\n===\n\nIt closes.\n", "Lid"),
        ("a.txt", "The lid\n=======\n\nIt closes.\n", "The lid"),
        ("a.html", "<title>Page</title><h2>Lid</h2><p>It closes.", "Lid"),
        ("a.html", "<title>Page</title><p>It closes.", "Page"),
        ("a.md", "It closes.\n", ""),
    ],
)
def test_a_document_has_a_title(folder, name, content, title):
    assert read(folder(**{name: content}))[name].title == title


def test_plain_front_matter_values_are_metadata(folder):
    found = read(folder(**{"a.md": "---\ntitle: Lid\nversion: 1.10\ntags: [a, b]\n---\nIt closes.\n"}))["a.md"]
    assert found.metadata["front_matter"] == {"title": "Lid", "version": "1.10"}
    assert found.text.startswith("---")


@pytest.mark.parametrize("header", ["a: [", "a: " + "[" * 2000, "just text"])
def test_bad_front_matter_does_no_harm(folder, header):
    assert "front_matter" not in read(folder(**{"a.md": f"---\n{header}\n---\nIt closes.\n"}))["a.md"].metadata


@pytest.mark.parametrize(("language", "text"), [(k[:2], v) for k, v in KETTLE.items() if k not in ("pl", "cs", "hu", "tr")])
def test_a_document_has_a_language(folder, language, text):
    assert read(folder(**{"a.txt": text}))["a.txt"].language == language


# --- HTML -------------------------------------------------------------------------------------------------------------

PAGE = """<!doctype html><html><head><title>The kettle</title><style>p{}</style></head><body>
<nav><a href=/>Home</a></nav><header>Logo</header>
<h1>Kettle <code>K&#8209;1</code><a class=headerlink>¶</a></h1>
<p>It <b>boils</b> <a href="/water">water</a> &amp; tea.<br># no heading</p>
<ul><li>lid<li>spout<ol><li>short</li><li>long<p>and bent</p></li></ol></ul>
<pre><code class="language-sh">boil --fast
  ```
</code></pre>
<table><tr><th>part<th>time</tr><tr><td>lid | spout<td>2 min</table>
<blockquote><p>Hot!</blockquote>
<script>alert()</script><form><input></form><aside>Ad</aside><p hidden>secret</p><footer>© us</footer></body></html>"""

PAGE_TEXT = """# Kettle `K‑1`

It boils water & tea.
\\# no heading

- lid
- spout
  1. short
  2. long

     and bent

````sh
boil --fast
  ```
````

| part | time |
| --- | --- |
| lid \\| spout | 2 min |

> Hot!"""


def test_html_becomes_what_a_reader_sees():
    assert html_to_text(PAGE)[:2] == ("The kettle", PAGE_TEXT)


def test_a_table_that_only_places_things_is_no_table():
    assert html_to_text("<table><tr><td><h2>Lid</h2><p>It closes.</table>")[1] == "## Lid\n\nIt closes."


def test_the_main_part_and_headers_inside_it_are_kept():
    page = "<p>Banner</p><main><article><header><h1>Lid</h1></header>It closes.</article></main>"
    assert html_to_text(page)[1] == "# Lid\n\nIt closes."


@pytest.mark.parametrize("tag", ["div", "blockquote", "ul><li", "b"])
def test_deep_nesting_is_no_problem(tag):
    assert html_to_text(f"<{tag}>" * 5_000 + "It boils.")[1].endswith("It boils.")


def test_a_page_says_its_own_encoding(folder):
    page = '<meta http-equiv="Content-Type" content="text/html; charset={}"><p>{}'
    root = folder(
        **{
            "a.html": page.format("iso-8859-2", "čaj").encode("iso8859_2"),
            "b.html": page.format("gb2312", "茶壶").encode("gb18030"),
            "c.html": page.format("nonsense", "茶").encode(),
        }
    )
    assert {id: f.text for id, f in read(root).items()} == {"a.html": "čaj", "b.html": "茶壶", "c.html": "茶"}
