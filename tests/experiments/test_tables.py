"""Tables and plots, by hand."""

import csv
import pathlib
import xml.etree.ElementTree

import pytest

from experiments import figure4, plots, sweep, table2
from experiments.runs import Outcome, Run
from experiments.tables import markdown, published, with_spread, write_table


def outcome(psnr, gain=0.0, ssim=0.9, **run):
    scores = {
        "all": {
            "restored": {"psnr": psnr, "ssim_gaussian": ssim},
            "gain": {"psnr": gain},
        },
        "protocol": {"images": 3},
    }
    return Outcome(Run(**run), pathlib.Path(), scores, None)


def failed(reason, **run):
    return Outcome(Run(**run), pathlib.Path("nowhere"), None, reason)


# === Arithmetic ===


def test_mean_and_sample_standard_deviation():
    # Deviations -1, 0, 1: variance 2 / (3 - 1) = 1.
    assert with_spread([27.0, 28.0, 29.0], 2) == "28.00 ± 1.00"
    assert with_spread([27.123], 2) == "27.12"
    with pytest.raises(ValueError, match="a value or more"):
        with_spread([], 2)


def test_an_ablations_row_is_over_the_seeds_that_ran():
    found = [outcome(28.0, 0.5, 0.80), outcome(30.0, 1.5, 0.90), failed("x")]
    # Deviations ±1: √2 = 1.414; ±0.05: 0.0707; ±0.5: 0.707.
    assert table2.measured(found) == [
        "29.000 ± 1.414",
        "0.8500 ± 0.0707",
        "1.000 ± 0.707",
        "2 of 3",
    ]
    assert table2.measured([failed("needs x"), failed("y")]) == [
        "not run: needs x",
        "",
        "",
        "0 of 2",
    ]


def test_a_ranking_wants_three_seeds_that_do_not_overlap():
    apart = {"a": [1.0, 1.1, 1.2], "b": [2.0, 2.1, 2.2], "c": [0, 0.1, 0.2]}
    assert table2.ranking(apart, True).endswith("b > a > c.")
    assert "No ranking is claimed: so few" in table2.ranking(apart, False)
    few = apart | {"c": [0.0, 0.1]}
    assert "not each model ran" in table2.ranking(few, True)
    overlapping = apart | {"b": [1.2, 2.1, 2.2]}
    assert "b and a overlap" in table2.ranking(overlapping, True)


def test_the_best_weight_of_a_sweep():
    found = [outcome(28.0, tau_1=0.1), outcome(28.4, tau_1=0.5)]
    found.append(failed("x", tau_1=0.9))
    text = sweep.best_of(found, "tau_1")
    assert "tau_1 = 0.5" in text and "all 2 lie within 0.400 dB" in text
    assert sweep.best_of(found[1:], "tau_1") == "Ours: not run."


def test_the_terms_of_the_last_row(tmp_path):
    (tmp_path / "training.csv").write_text(
        "step,content,perceptual,adversarial\n2,0.02,1e-5,0.1\n4,0.04,3e-5,0.3\n"
    )
    found = [failed("x"), failed("y")._replace(folder=tmp_path)]
    text = sweep.terms(found)
    assert "content 0.03, perceptual 2e-05, adversarial 0.2." in text
    assert sweep.terms(found[:1]) == ""


def test_the_weights_of_the_sweeps():
    assert sweep.TAUS_1 == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    assert [f"{x:g}" for x in sweep.TAUS_2[::4]] == ["0.001", "0.005", "0.009"]


def test_a_games_row(tmp_path):
    path = tmp_path / "training.csv"
    path.write_text(
        "step,content,generator_gradient_norm,skipped\n"
        "2,4,1,0\n4,3,9,1\n6,2,2,0\n8,1,3,2\n10,0.5,1,0\n"
    )
    columns = figure4.curve(path)
    # A fifth of five rows is one.
    assert figure4.cells(outcome(28.0, -0.5), columns) == [
        "4.0000",
        "0.5000",
        "9",
        "3",
        "28.000",
        "-0.500",
    ]
    assert figure4.curve(tmp_path / "none.csv") == {}
    row = figure4.cells(failed("lost"), {})
    assert row[0] == "not run: lost" and len(row) + 1 == len(figure4.HEADER)


# === Files ===


def test_printed_values():
    """Against the paper's columns, in its order."""
    two = published("table2")
    assert [float(x["psnr"]) for x in two] == [28.21, 29.1, 28.44, 30.28]
    assert [float(x["ssim"]) for x in two] == [0.823, 0.851, 0.842, 0.912]
    three = published("table3")
    assert [float(x["psnr"]) for x in three] == [
        *(29.08, 30.26, 26.435, 24.64, 26.06, 29.32, 29.55),
        *(29.57, 29.41, 30.22, 25.1, 27.08, 30.28),
    ]
    assert [float(x["ssim"]) for x in three] == [
        *(0.841, 0.934, 0.892, 0.842, 0.863, 0.933, 0.901),
        *(0.933, 0.918, 0.904, 0.894, 0.857, 0.912),
    ]
    assert [float(x["seconds"]) for x in three] == [
        *(4.33, 1.31, 0.92, 20 * 60, 20 * 60, 0.64, 0.35),
        *(0.418, 0.912, 3.67, 13.41, pytest.approx(1.7 * 60), 0.303),
    ]
    assert list(table2.ABLATIONS) == [x["model"] for x in two]
    assert len(published("table1")) == 11


def test_a_table_in_both_forms(tmp_path):
    text = write_table(tmp_path / "new", "t", ["a", "b|c"], [["1,5", 2]])
    assert text == "| a | b\\|c |\n| --- | --- |\n| 1,5 | 2 |\n"
    assert (tmp_path / "new/t.md").read_text() == text
    with open(tmp_path / "new/t.csv", newline="") as file:
        assert list(csv.reader(file)) == [["a", "b|c"], ["1,5", "2"]]
    assert markdown(["a"], []) == "| a |\n| --- |\n"


def test_equal_plots_are_equal_files(tmp_path):
    lines = {
        "one": [outcome(28.0, tau_1=0.1), outcome(29.0, tau_1=0.5)],
        "two": [outcome(28.5, tau_1=0.1), failed("x", tau_1=0.5)],
    }
    files = []
    for name in ("a", "b"):
        figure = sweep.figure(lines, "tau_1")
        [axes] = figure.axes
        assert [list(x.get_ydata()) for x in axes.lines] == [[28, 29], [28.5]]
        # Told apart without colour.
        styles = {(x.get_linestyle(), x.get_marker()) for x in axes.lines}
        assert len(styles) == 2
        plots.save(figure, tmp_path / name, "plot")
        files.append(
            [
                (tmp_path / name / f"plot.{x}").read_bytes()
                for x in ("png", "svg")
            ]
        )
    assert files[0] == files[1]
    assert files[0][0].startswith(b"\x89PNG")
    assert xml.etree.ElementTree.fromstring(files[0][1]).tag.endswith("svg")


def test_quality_over_speed(tmp_path):
    from experiments import table3

    figure = table3.figure([("ours", 28.5, 0.2)])
    [axes] = figure.axes
    printed, ours = axes.lines
    assert list(printed.get_xdata())[-1] == 0.303
    assert list(printed.get_ydata())[-1] == 30.28
    assert (list(ours.get_xdata()), list(ours.get_ydata())) == ([0.2], [28.5])
    assert printed.get_markerfacecolor() == "none"
    assert axes.get_xscale() == "log"
    assert len(axes.texts) == 13 + 1
