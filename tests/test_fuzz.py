"""Each fuzz target in every run: some thousand mutations of golden inputs, and all that the fuzzer kept."""

from __future__ import annotations

import pytest

from scripts import fuzz
from tests.support import fuzz_streams, fuzz_wire
from tests.support.fuzz_targets import CORPUS, DECODER, TRANSLATOR, Target, targets

TARGETS = list(targets().values())


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_mutated_input_does_no_harm(target: Target) -> None:
    for data in target.mutator().many(target.times):
        assert_holds(target, data)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_corpus_does_no_harm(target: Target) -> None:
    for file in target.corpus():
        assert_holds(target, file.read_bytes())


def assert_holds(target: Target, data: bytes) -> None:
    try:
        target.check(data)
    except Exception as error:
        error.add_note(f"{target.name} was given {data!r}")
        raise


def test_there_are_examples_enough() -> None:
    decoders = {target.name for target in (*fuzz_wire.TARGETS, *fuzz_streams.TARGETS)}
    for target in TARGETS:
        assert target.times >= (DECODER if target.name in decoders else TRANSLATOR), target.name
        assert len(target.seeds()) >= 3, target.name


def test_the_corpus_is_small_and_of_known_targets() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} <= set(targets())
    assert sum(file.stat().st_size for file in CORPUS.rglob("*") if file.is_file()) < 300_000


def test_mutations_are_the_same_in_every_run() -> None:
    target = targets()["claude_stream"]
    first, second = (list(target.mutator().many(300)) for _ in range(2))
    assert first == second and len(set(first)) > 250


def test_a_defect_is_found() -> None:
    def check(data: bytes) -> None:
        assert b"\xff" not in data

    with pytest.raises(AssertionError) as caught:
        test_a_mutated_input_does_no_harm(Target("x", "bytes", lambda: [b"data: {}"] * 3, check, 200))
    (note,) = caught.value.__notes__
    assert note.startswith("x was given b") and "xff" in note


def test_the_fuzzer_lists_its_targets(capsys: pytest.CaptureFixture[str]) -> None:
    fuzz.main(["--list"])
    assert capsys.readouterr().out.split() == list(targets())


def test_the_fuzzer_knows_no_other_target() -> None:
    with pytest.raises(SystemExit):
        fuzz.main(["nothing"])
