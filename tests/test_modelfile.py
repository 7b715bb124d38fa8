"""A model survives its file unchanged, and no forged file gets through, runs code or takes much memory."""

import io
import json
import pickle
import re
import sys
import tracemalloc
import zipfile
from dataclasses import asdict, replace
from hashlib import sha256

import numpy as np
import pytest
from tiny_model import make_tiny_model

from classifier.access import PRIOR
from classifier.arrayfile import MAX_BYTES, MAX_MEMBERS
from classifier.blocks import cut
from classifier.decide import DEFAULT_THRESHOLDS
from classifier.layout import Layout
from classifier.modelfile import MAX_WORDS, ModelFileError, load_model, save_model
from classifier.network import VIEWS, Network

MEMORY = 64 << 20
PAGE = "<h1>The harbour</h1><p class=paywall>Subscribe to <b>read</b> the harbour.<ul><li>one<li>two</ul>"

unpickled: list[object] = []
sys.addaudithook(lambda event, args: unpickled.append(args) if event == "pickle.find_class" else None)


@pytest.fixture(scope="module")
def good(tiny_model, tmp_path_factory):
    """The file of the tiny model."""
    path = tmp_path_factory.mktemp("model") / "good.npz"
    save_model(tiny_model, path)
    return path


def load_watched(path):
    """The model; fails if loading unpickles anything or takes too much memory."""
    unpickled.clear()
    tracemalloc.start()
    try:
        return load_model(path)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MEMORY
        assert not unpickled


def assert_refused(path, reason=""):
    with pytest.raises(ModelFileError) as caught:
        load_watched(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: not a usable model: ")
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) - len(str(path)) < 250
    assert re.search(reason, message), message


# -- forging ----------------------------------------------------------------------------------------


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def npy(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(array), **options)
    return stream.getvalue()


def pack(path, members, compression=zipfile.ZIP_DEFLATED):
    """Write members, a dictionary or pairs, as a ZIP."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, data)
    return path


def contract_of(members):
    return json.loads(np.load(io.BytesIO(members["contract.npy"])).tobytes())


def with_contract(members, contract):
    text = contract if isinstance(contract, bytes) else json.dumps(contract).encode()
    return members | {"contract.npy": npy(np.frombuffer(text, np.uint8))}


def signed(members):
    """The members with a checksum that fits them: what a forger would do."""
    digest = sha256()
    for name in sorted(set(members) - {"contract.npy"}):
        array = np.load(io.BytesIO(members[name]))
        digest.update(
            f"{name.removesuffix('.npy')} {array.dtype.str} {array.shape};".encode() + array.tobytes()
        )
    return with_contract(members, contract_of(members) | {"sha256": digest.hexdigest()})


# -- whole files ----------------------------------------------------------------------------------------


def test_a_round_trip_changes_no_prediction(tiny_model, good):
    loaded = load_watched(good)
    for source in (PAGE, "<p>été 42", "続き"):
        x = Layout(cut(source))
        for before, after in zip(tiny_model.predict(x), loaded.predict(x), strict=True):
            np.testing.assert_allclose(before, after, atol=1e-6)  # equal but for the order of additions
    assert asdict(loaded.contract) == asdict(tiny_model.contract)
    assert loaded.lexical.words == tiny_model.lexical.words


def test_the_same_model_gives_the_same_bytes(tiny_model, good, tmp_path):
    save_model(make_tiny_model(0), tmp_path / "again.npz")
    save_model(load_model(good), tmp_path / "round.npz")
    assert (tmp_path / "again.npz").read_bytes() == good.read_bytes() == (tmp_path / "round.npz").read_bytes()
    save_model(make_tiny_model(1), tmp_path / "other.npz")
    assert (tmp_path / "other.npz").read_bytes() != good.read_bytes()


def test_nothing_but_the_file_is_left_behind(tiny_model, tmp_path):
    save_model(tiny_model, tmp_path / "m.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["m.npz"]


def test_access_coefficients_survive(tiny_model, tmp_path):
    contract = replace(tiny_model.contract, access=PRIOR.to_dict())
    save_model(replace(tiny_model, contract=contract), tmp_path / "m.npz")
    assert load_model(tmp_path / "m.npz").access == PRIOR


def test_an_empty_vocabulary_survives(tiny_model, tmp_path):
    lexical = tiny_model.lexical
    cut_off = np.delete(lexical.word_weights, range(1, 1 + len(lexical.words)), axis=0)
    bare = replace(
        lexical,
        words=(),
        word_weights=cut_off,
        names=(),
        name_weights=lexical.name_weights[:, :1],
        links=(),
        link_weights=lexical.link_weights[:1],
    )
    save_model(replace(tiny_model, lexical=bare), tmp_path / "m.npz")
    loaded = load_model(tmp_path / "m.npz")
    assert (loaded.lexical.words, loaded.lexical.names, loaded.lexical.links) == ((), (), ())


def test_the_signature_of_the_forger_is_right(good, tmp_path):
    """Else every forged file below would be refused for its checksum alone."""
    assert contract_of(signed(members_of(good))) == contract_of(members_of(good))
    load_watched(pack(tmp_path / "m.npz", signed(members_of(good))))
    load_watched(pack(tmp_path / "stored.npz", signed(members_of(good)), zipfile.ZIP_STORED))


def test_the_largest_model_takes_no_more_memory_than_it_may(tiny_model, tmp_path):
    lexical = tiny_model.lexical
    words = tuple(chr(0x10000 + i % 30_000) + "x" * (i // 30_000) for i in range(MAX_WORDS))
    more = np.zeros((MAX_WORDS - len(lexical.words), 5), np.float32)
    names = np.zeros((4, 1 + MAX_WORDS, 5), np.float32)
    huge = replace(
        lexical,
        words=words,
        names=words,
        word_weights=np.vstack([lexical.word_weights, more]),
        name_weights=names,
    )
    width, old = 128, tiny_model.network
    wide = Network(
        old.mean,
        old.scale,
        entry=np.ones((len(old.mean) + 1, 4, width), np.float32),
        messages=np.ones((5, 4, width, 64), np.float32),
        rounds=np.ones((5, 4, width + VIEWS * 64 + 1, width), np.float32),
        exit=np.ones((4, width + 1, width), np.float32),
        outputs=np.ones((4, width + 1, 5), np.float32),
    )
    model = replace(tiny_model, lexical=huge, network=wide)
    save_model(model, tmp_path / "m.npz")
    assert sum(len(data) for data in members_of(tmp_path / "m.npz").values()) > MAX_BYTES * 0.8
    assert load_watched(tmp_path / "m.npz").lexical.words == words


# -- damaged files ----------------------------------------------------------------------------------------


def test_every_truncated_file_is_refused(good, tmp_path):
    data = good.read_bytes()
    path = tmp_path / "cut.npz"
    offsets = {*range(8), *range(len(data) - 40, len(data)), *np.linspace(0, len(data) - 1, 120, dtype=int)}
    assert len(offsets) > 150
    for offset in sorted(offsets):
        path.write_bytes(data[:offset])
        assert_refused(path)


def test_a_flipped_bit_is_refused_or_changes_nothing(good, tmp_path):
    data = good.read_bytes()
    path, again = tmp_path / "flipped.npz", tmp_path / "again.npz"
    rng = np.random.default_rng(5)
    tail = range(len(data) - 1500, len(data), 11)  # the directory of the ZIP
    head = range(0, 120)
    refused = 0
    for offset in [*head, *rng.integers(0, len(data), 120).tolist(), *tail]:
        flipped = bytearray(data)
        flipped[offset] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        try:
            model = load_watched(path)
        except ModelFileError:
            assert_refused(path)
            refused += 1
        else:
            save_model(model, again)
            assert again.read_bytes() == data
    assert refused > 180


@pytest.mark.parametrize("seed", range(30))
def test_noise_is_refused(good, tmp_path, seed):
    data = bytearray(good.read_bytes())
    rng = np.random.default_rng(seed)
    start = (
        int(rng.integers(len(data) - 3000, len(data) - 30)) if seed % 2 else int(rng.integers(0, len(data)))
    )
    data[start : start + 60] = rng.bytes(60)
    (tmp_path / "m.npz").write_bytes(data)
    assert_refused(tmp_path / "m.npz")


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"PK\x05\x06" + b"\0" * 18, b"<html>", b"\x93NUMPY", pickle.dumps(Network), b"\0" * 10_000],
)
def test_what_is_no_archive_is_refused(tmp_path, data):
    (tmp_path / "m.npz").write_bytes(data)
    assert_refused(tmp_path / "m.npz")


def test_what_is_no_file_is_refused(tmp_path):
    assert_refused(tmp_path / "absent.npz", "No such file")
    assert_refused(tmp_path, "directory|ermission")


# -- forged members ----------------------------------------------------------------------------------------


class Loud:
    """Runs something when it is unpickled."""

    def __reduce__(self):
        return (print, ("unpickled",))


MEMBERS = (
    *("words", "names", "links", "word_weights", "name_weights", "link_weights"),
    *("mean", "scale", "entry", "messages", "rounds", "exit", "outputs", "calibration"),
)


def test_these_are_all_members(good):
    assert set(members_of(good)) == {f"{name}.npy" for name in (*MEMBERS, "contract")}


@pytest.mark.parametrize("name", [*MEMBERS, "contract"])
def test_a_missing_member_is_refused(good, tmp_path, name):
    members = members_of(good)
    del members[f"{name}.npy"]
    if name != "contract":
        members = signed(members)
    assert_refused(pack(tmp_path / "m.npz", members), name)


@pytest.mark.parametrize("name", [*MEMBERS, "contract"])
def test_pickles_are_refused_and_not_read(good, tmp_path, name):
    for data in (npy(np.array([Loud()], object)), pickle.dumps(Loud())):
        assert_refused(
            pack(tmp_path / "m.npz", members_of(good) | {f"{name}.npy": data}), "begin like an array"
        )


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("dtype", ["<f4", "<f2", "|u1", ">f4", "<f8", "|S3", "<M8[s]"])
def test_other_types_are_refused(good, tmp_path, name, dtype):
    members = members_of(good)
    array = np.load(io.BytesIO(members[f"{name}.npy"]))
    if array.dtype.str == dtype:
        assert dtype in ("<f4", "<f2", "|u1")
        return
    members[f"{name}.npy"] = npy(np.zeros(array.shape, dtype))
    assert_refused(pack(tmp_path / "m.npz", signed(members)), f"{name}.*(of type|begin like)")


@pytest.mark.parametrize("name", [name for name in MEMBERS if name not in ("words", "names", "links")])
@pytest.mark.parametrize(
    "change",
    [lambda a: a[..., :-1], lambda a: a[None], lambda a: a.ravel()[:0]],
    ids=["shorter", "deeper", "none"],
)
def test_other_shapes_are_refused(good, tmp_path, name, change):
    members = members_of(good)
    array = change(np.load(io.BytesIO(members[f"{name}.npy"])))
    members[f"{name}.npy"] = npy(array)
    assert_refused(pack(tmp_path / "m.npz", signed(members)))


@pytest.mark.parametrize("name", ["word_weights", "name_weights", "link_weights", "entry", "outputs"])
def test_another_order_of_bytes_is_refused(good, tmp_path, name):
    members = members_of(good)
    array = np.load(io.BytesIO(members[f"{name}.npy"]))
    members[f"{name}.npy"] = npy(np.asfortranarray(array)).replace(b"False", b"True ")
    assert_refused(pack(tmp_path / "m.npz", signed(members)), "begin like an array")


@pytest.mark.parametrize("name", [name for name in MEMBERS if name not in ("words", "names", "links")])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(good, tmp_path, name, value):
    members = members_of(good)
    array = np.load(io.BytesIO(members[f"{name}.npy"])).copy()
    array.flat[-1] = value
    members[f"{name}.npy"] = npy(array)
    assert_refused(pack(tmp_path / "m.npz", signed(members)), f"{name} holds numbers that are not finite")


@pytest.mark.parametrize("name", ["scale", "calibration"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_scales_that_are_not_positive_are_refused(good, tmp_path, name, value):
    members = members_of(good)
    array = np.load(io.BytesIO(members[f"{name}.npy"])).copy()
    array[0] = value
    members[f"{name}.npy"] = npy(array)
    assert_refused(pack(tmp_path / "m.npz", signed(members)), "not positive")


def test_a_changed_value_breaks_the_checksum(good, tmp_path):
    members = members_of(good)
    array = np.load(io.BytesIO(members["mean.npy"])).copy()
    array[3] += 1
    assert_refused(pack(tmp_path / "m.npz", members | {"mean.npy": npy(array)}), "checksum")


@pytest.mark.parametrize("name", ["words", "names", "links"])
@pytest.mark.parametrize(
    "text", [b"\xff\xfe", b"a", b"\n" * 200_000, "é".encode()[:1], b"a\n" * 3_000_000], ids=len
)
def test_vocabularies_that_do_not_fit_are_refused(good, tmp_path, name, text):
    members = members_of(good) | {f"{name}.npy": npy(np.frombuffer(text, np.uint8))}
    assert_refused(pack(tmp_path / "m.npz", signed(members)))


HEADERS = (
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (999999999, 999999999, 999999999), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (True,), }",
    "{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }",
    "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
    "{'descr': ('<f4', (1000000, 1000000)), 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1L,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os'), }",
    "{'descr': '<f4', 'shape': (1,), }",
    "(" * 3000,
    "-" * 5000 + "1",
    "'\\d'",
    "'''",
    "",
)


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
@pytest.mark.parametrize("version", [b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x09"])
@pytest.mark.filterwarnings("error")
def test_forged_headers_are_refused(good, tmp_path, header, version):
    text = header.encode() + b"\n"
    length = len(text).to_bytes(2 if version == b"\x01\x00" else 4, "little")
    data = b"\x93NUMPY" + version + length + text + b"\0" * 4
    assert_refused(pack(tmp_path / "m.npz", members_of(good) | {"mean.npy": data}), "mean")


@pytest.mark.parametrize("length", [0, 1, 60, 0xFFFF])
def test_a_header_of_another_length_is_refused(good, tmp_path, length):
    members = members_of(good)
    data = members["mean.npy"]
    members["mean.npy"] = data[:8] + length.to_bytes(2, "little") + data[10:]
    assert_refused(pack(tmp_path / "m.npz", members), "begin like an array")


# -- forged archives ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *(
            "../mean.npy",
            "/etc/passwd",
            "a/../b.npy",
            "C:\\x.npy",
            "folder/",
            ".npy",
            "mean",
            "mean.npy.npy",
        ),
        *(
            "entry2.npy",
            "rounds9.npy",
            "extra.npy",
            "x" * 60_000 + ".npy",
            "a\nb.npy",
            "été.npy",
        ),
    ],
    ids=lambda name: ascii(name[:20]),
)
def test_further_members_are_refused(good, tmp_path, name):
    members = members_of(good)
    extra = npy(np.zeros(3, np.float32))
    if name.endswith(".npy") and name.count(".npy") == 1:
        path = pack(tmp_path / "m.npz", signed(members | {name: extra}))
    else:
        path = pack(tmp_path / "m.npz", members | {name: extra})
    assert_refused(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.npz"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice_is_refused(good, tmp_path):
    members = members_of(good)
    assert_refused(pack(tmp_path / "m.npz", [*members.items(), *members.items()]), "twice")


def test_many_members_are_refused(good, tmp_path):
    more = {f"a{i}.npy": npy(np.zeros(1, np.float32)) for i in range(MAX_MEMBERS)}
    assert_refused(pack(tmp_path / "m.npz", members_of(good) | more), "members")
    many = {f"a{i}.npy": b"" for i in range(20_000)}
    assert_refused(pack(tmp_path / "m.npz", many), "members")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused(good, tmp_path, compression):
    assert_refused(pack(tmp_path / "m.npz", members_of(good), compression), "packed in an unknown way")


@pytest.mark.parametrize("name", ["words", "entry", "contract", "zeros"])
@pytest.mark.parametrize("size", [MAX_BYTES - (1 << 20), 100 << 20])
def test_a_bomb_of_zeros_is_refused(good, tmp_path, name, size):
    path = tmp_path / "m.npz"
    head = npy(np.zeros(0, np.float32)).replace(b"(0,), }       ", f"({size // 4},), }}".ljust(14).encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members_of(good).items():
            if member != f"{name}.npy":
                archive.writestr(member, data)
        with archive.open(f"{name}.npy", "w") as file:
            file.write(head)
            for _ in range(size >> 20):
                file.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    assert_refused(path)


@pytest.mark.parametrize("claimed", [0, 100, 0x7FFFFFFF, 0xFFFFFFFE])
def test_a_bomb_that_lies_about_its_size_is_refused(good, tmp_path, claimed):
    path = pack(tmp_path / "m.npz", members_of(good) | {"zeros.npy": bytes(8 << 20)})
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"zeros.npy") - 46
    data[entry + 24 : entry + 28] = claimed.to_bytes(4, "little")
    path.write_bytes(data)
    assert_refused(path)


def test_a_long_file_is_not_read(tmp_path):
    path = tmp_path / "m.npz"
    with path.open("wb") as file:
        file.truncate(1 << 34)
    assert_refused(path, "longer than")


@pytest.mark.parametrize("flag", [0x1, 0x20, 0x40])
def test_encrypted_and_patched_members_are_refused(good, tmp_path, flag):
    data = bytearray(good.read_bytes())
    local, entry = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
    data[local + 6 : local + 8] = flag.to_bytes(2, "little")
    data[entry + 8 : entry + 10] = flag.to_bytes(2, "little")
    (tmp_path / "m.npz").write_bytes(data)
    assert_refused(tmp_path / "m.npz")


# -- forged contracts ----------------------------------------------------------------------------------------


CONTRACTS = {
    "empty": b"",
    "no JSON": b"{",
    "not UTF-8": b"\xff",
    "list": b"[]",
    "null": b"null",
    "string": b'"contract"',
    "number": b"1e999",
    "long number": b"1" * 100_000,
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "deep and closed": b"[" * 100_000 + b"]" * 100_000,
    "many lists": b'{"format":1,"x":[' + b"[]," * 340_000 + b"[]]}",
    "many objects": b'{"format":1,"x":[' + b"{}," * 340_000 + b"{}]}",
    "too many lists": b'{"format":1,"x":[' + b"[]," * 1_600_000 + b"[]]}",
    "too long": b'"' + b"a" * (2 << 20) + b'"',
    "zeros": bytes(1 << 20),
    "zip": b"PK\x03\x04",
}


@pytest.mark.parametrize("text", CONTRACTS.values(), ids=CONTRACTS)
def test_contracts_that_are_none_are_refused(good, tmp_path, text):
    assert_refused(pack(tmp_path / "m.npz", with_contract(members_of(good), text)))


def changed(members, key, value):
    return with_contract(members, contract_of(members) | {key: value})


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("format", 0, "format"),
        ("format", 99, "format"),
        ("format", "1", "format"),
        ("format", None, "format"),
        ("sha256", "0" * 64, "checksum"),
        ("sha256", None, "checksum"),
        ("feature_version", 0, "version"),
        ("feature_version", 99, "version"),
        ("feature_version", [], "version"),
        ("feature_names", [], "features differ"),
        ("feature_names", None, "damaged"),
        ("feature_names", "log_chars", "features differ"),
        ("feature_names", [[]], "damaged"),
        ("feature_names", ["a\nb" * 9000], "features differ"),
        ("feature_names", list(range(709)), "features differ"),
        ("labels", ["content", "navigation", "paywall", "ad"], "labels differ from ours: another order"),
        ("labels", ["content"], "labels differ"),
        ("labels", {}, "labels differ"),
        ("labels", 4, "damaged"),
        ("thresholds", {}, "thresholds differ"),
        ("thresholds", [], "thresholds differ"),
        ("thresholds", sorted(DEFAULT_THRESHOLDS), ""),
        ("thresholds", None, ""),
        ("thresholds", 1, ""),
        ("access", {}, "access|coefficients"),
        ("access", [], ""),
        ("access", 1, ""),
        ("access", "PRIOR", ""),
        ("access", PRIOR.to_dict() | {"gated": {"bias": 1}}, "coefficients"),
        ("access", PRIOR.to_dict() | {"gated_from": "0.5"}, "no number"),
        ("access", PRIOR.to_dict() | {"not_open": dict.fromkeys(PRIOR.not_open, "1")}, "no number"),
        ("access", PRIOR.to_dict() | {"not_open": dict.fromkeys(PRIOR.not_open, float("nan"))}, "no number"),
        ("access", PRIOR.to_dict() | {"gated": list(PRIOR.gated)}, ""),
        ("data", None, "data"),
        ("data", [], "data"),
        ("scores", 7, "scores"),
        ("name", None, "name"),
        ("name", ["m"], "name"),
        ("licence", 1, "licence"),
        ("extra", 1, "extra"),
        ("__class__", 1, "__class__"),
        ("x\n" * 5000, 1, "unknown"),
    ],
)
def test_forged_contracts_are_refused(good, tmp_path, key, value, reason):
    assert_refused(pack(tmp_path / "m.npz", changed(members_of(good), key, value)), reason)


@pytest.mark.parametrize("key", DEFAULT_THRESHOLDS)
@pytest.mark.parametrize("value", [-1, 1e7, float("nan"), float("inf"), "1", None, [1]])
def test_forged_thresholds_are_refused(good, tmp_path, key, value):
    forged = changed(members_of(good), "thresholds", DEFAULT_THRESHOLDS | {key: value})
    assert_refused(pack(tmp_path / "m.npz", forged), f"threshold {key}")


@pytest.mark.parametrize(
    "key",
    [
        "format",
        "sha256",
        "feature_version",
        "feature_names",
        "labels",
        "thresholds",
        "access",
        "data",
        "scores",
    ],
)
def test_a_contract_that_lacks_a_key_is_refused(good, tmp_path, key):
    contract = contract_of(members_of(good))
    del contract[key]
    assert_refused(pack(tmp_path / "m.npz", with_contract(members_of(good), contract)), key)


def test_features_in_another_order_are_refused(good, tmp_path):
    members = members_of(good)
    names = contract_of(members)["feature_names"]
    forged = changed(members, "feature_names", names[::-1])
    assert_refused(pack(tmp_path / "m.npz", forged), "features differ from ours: another order")
    forged = changed(members, "feature_names", ["new_one", *names[1:]])
    assert_refused(pack(tmp_path / "m.npz", forged), "features differ from ours: 'log_chars', 'new_one'")
