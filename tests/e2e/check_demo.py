"""What the main job must show, on the run that scripts/demo made. Run by scripts/check-demo; not collected with the tests."""

import json
import os
import pathlib

import pytest
from test_run import check_fused_in_numpy, check_members_in_transformers


@pytest.fixture(scope="module")
def lines():
    return pathlib.Path(os.environ["TUTTI_DEMO_LOG"]).read_text().strip().splitlines()


@pytest.fixture(scope="module")
def run(lines):
    report, bundle = lines[-2:]
    assert report.startswith("report: ") and bundle.startswith("bundle: ")
    assert pathlib.Path(report.removeprefix("report: ")).is_file()
    folder = pathlib.Path(bundle.removeprefix("bundle: "))
    assert (folder / "bundle.json").is_file()
    return folder.parent


def test_at_least_four_members_of_both_families(run):
    types = [json.loads(file.read_text())["model_type"] for file in run.glob("members/*/model/config.json")]
    assert len(types) >= 4 and types.count("bert") >= 2 and set(types) - {"bert"}


def test_the_table_has_members_references_rules_and_a_verdict(lines):
    text = "\n".join(lines)
    for word in ("minilm", "gpt2", "popularity", "bias", "average", "learned", "Verdict", "interval"):
        assert word in text, word


def test_the_learned_fusion_beats_the_best_member_on_test(run):
    """The best member is the one that validation points to: test rows choose nothing."""
    report = json.loads((run / "ensemble/metrics.json").read_text())
    auc = {}
    for system in report["systems"]:
        (protocol,) = [name for name in system["test"] if name.startswith("auc/")]
        auc[system["name"]] = system["test"][protocol]["value"]
    assert auc["learned"] > auc[report["verdict"]["best_member"]]


def test_members_open_in_transformers_with_the_same_logits(run):
    check_members_in_transformers(run, 200)


def test_fused_scores_come_out_of_numpy(run):
    check_fused_in_numpy(run)
