"""The check of an export: what it reads from the script, when it refuses, and what it prints."""

import numpy as np
import pytest

from slanted.errors import ExportRefused
from slanted.text.exporting.check import Original, check, describe, drop_of, refuse_loss
from slanted.text.exporting.check_rows import CheckRows
from slanted.text.exporting.formats import FORMATS
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target

pytestmark = pytest.mark.once

TARGET = Target("single", ("a", "b"))
PREDICTED = np.array([[0.9, 0.1], [0.2, 0.8]])
ORIGINAL = Original(TARGET, PREDICTED, 0.5, None)
ROWS = CheckRows(Examples(["one\ttab", 'two "lines"\n\ud83d'], None, np.array([0, 1])), "test", "t.csv")
CSV = r"row,prediction,probability_a,probability_b\n0,a,0.9,0.1\n1,b,0.25,0.75\n"
SPEED = '{"one_text": {"milliseconds_p50": 1.25, "milliseconds_p99": 2.0}, "texts_per_second": 1234.0}'


def script(folder, printed=CSV, more=""):
    source = f"import sys\nread = sys.stdin.read()\n{more}\nprint('''{printed}''', end='')\n"
    (folder / "predict.py").write_text(source + f"print('''{SPEED}''', file=sys.stderr)\n")
    return folder


def refusal(call, *arguments):
    with pytest.raises(ExportRefused) as refused:
        call(*arguments)
    assert refused.value.exit_status == 3
    return str(refused.value)


def test_it_compares_labels_probabilities_and_scores(tmp_path):
    checked = check(script(tmp_path), ROWS, ORIGINAL, {})
    assert checked["equal_labels"] == 2 and checked["largest_difference"] == pytest.approx(0.05)
    assert checked["scores"]["export"]["accuracy"] == checked["scores"]["model"]["accuracy"] == 1.0
    assert drop_of(checked, "single") == 0.0
    assert describe(checked, "single") == [
        "checked: on 2 rows (test: t.csv)",
        "  2 of 2 labels equal; probabilities differ by at most 0.05",
        "  accuracy 1.0000, that of the model 1.0000",
        "  speed: 1.2 ms a text alone (99 of 100 within 2.0 ms); 1,234 texts a second in batches",
    ]


def test_texts_reach_the_script_as_json_strings(tmp_path):
    expected = r"""assert read == '"one\\ttab"\n"two \\"lines\\"\\n\\ud83d"\n', read"""
    check(script(tmp_path, more=expected), ROWS, ORIGINAL, {})
    pairs = CheckRows(Examples(["a", "b"], ["c", "d"], np.array([0, 1])), "test", "t.csv")
    check(script(tmp_path, more=r"""assert read == '"a"\t"c"\n"b"\t"d"\n', read"""), pairs, ORIGINAL, {})


def test_the_environment_of_the_script_has_more_variables_and_no_hub(tmp_path):
    more = "import os; assert (os.environ['KERAS_BACKEND'], os.environ['HF_HUB_OFFLINE']) == ('none', '1')"
    check(script(tmp_path, more=more), ROWS, ORIGINAL, {"KERAS_BACKEND": "none"})


@pytest.mark.parametrize(
    ("printed", "more", "message"),
    [
        ("", "sys.exit('no such file')", "fails: no such file; give another format"),
        ("", "sys.exit(4)", "fails: exit status 4; give another format"),
        ("", "", "must print 2 rows of predictions.csv: found 0 rows with the columns []"),
        (CSV[:-17], "", "must print 2 rows of predictions.csv: found 1 rows with the columns ['row', 'prediction', "
         "'probability_a', 'probability_b']"),
        (CSV.replace("0.25", "nan"), "", "predicts a value that is not finite; give another format"),
    ],
)  # fmt: skip
def test_a_script_that_fails_refuses_the_export(tmp_path, printed, more, message):
    assert refusal(check, script(tmp_path, printed, more), ROWS, ORIGINAL, {}) == f"predict.py of the export {message}"


def test_several_labels_are_equal_in_a_row_or_not(tmp_path):
    printed = r"row,prediction_a,prediction_b,probability_a,probability_b\n0,1,0,0.9,0.1\n1,1,1,0.2,0.8\n"
    original = Original(Target("multilabel", ("a", "b")), PREDICTED, np.array([0.5, 0.5]), None)
    rows = CheckRows(Examples(["x", "y"], None, np.array([[1, 0], [0, 1]], "float32")), "test", "t.csv")
    assert check(script(tmp_path, printed), rows, original, {})["equal_labels"] == 1


def test_numbers_have_no_labels(tmp_path):
    original = Original(Target("regression", ("stars",)), np.array([[1.0], [2.0]]), 0.5, None)
    rows = CheckRows(Examples(["x", "y"], None, np.array([[1.0], [2.0]])), "valid", "v.csv")
    checked = check(script(tmp_path, r"row,prediction\n0,1.5\n1,2\n"), rows, original, {})
    assert "equal_labels" not in checked and checked["largest_difference"] == 0.5
    assert describe(checked, "regression")[1:3] == [
        "  numbers differ by at most 0.5",
        "  spearman 1.0000, that of the model 1.0000",
    ]


def result(difference, before, after, name="accuracy"):
    scores = {"export": {name: after}, "model": {name: before}}
    return {"largest_difference": difference, "scores": {key: value for key, value in scores.items()}}


def test_a_drop_of_more_points_than_allowed_is_refused():
    int8 = FORMATS["onnx-int8"]
    refuse_loss(result(0.3, 0.97, 0.965), int8, "single", 0.5 + 1e-9, 1.0)
    refuse_loss(result(0.3, 0.97, 0.95), int8, "single", 2.1, 1.0)
    assert refusal(refuse_loss, result(0.3, 0.97, 0.95), int8, "single", 0.5, 1.0) == (
        "--format onnx-int8: accuracy falls from 0.9700 to 0.9500, by 2.00 points, more than 0.5; nothing was written: "
        "give another format, or --allow-drop with more points"
    )


@pytest.mark.parametrize(("task", "largest", "most"), [("single", 1.0, 1e-4), ("regression", 5000.0, 0.5)])
def test_float32_must_give_the_same_numbers(task, largest, most):
    name = "accuracy" if task == "single" else "spearman"
    refuse_loss(result(0.99 * most, 0.9, 0.9, name), FORMATS["onnx"], task, 0.5, largest)
    message = refusal(refuse_loss, result(2 * most, 0.9, 0.9, name), FORMATS["onnx"], task, 100.0, largest)
    assert message.startswith("--format onnx: its predictions differ from those of the model by up to ")


def test_an_undefined_score_refuses_8_bits_alone():
    unknown = {"largest_difference": 0.0, "scores": {"export": {}, "model": {}}}
    refuse_loss(unknown, FORMATS["hf"], "regression", 0.5, 1.0)
    expected = "--format onnx-int8: spearman is undefined on these rows, so that the loss is unknown"
    message = refusal(refuse_loss, unknown, FORMATS["onnx-int8"], "regression", 0.5, 1.0)
    assert message == f"{expected}; give other rows with --test FILE"
