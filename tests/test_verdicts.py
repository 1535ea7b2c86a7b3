"""Claims as a table: the same words as text, numbers that do not break, whatever a claim is called."""

import html
import re

import numpy as np
import pytest

import mtl_lesson as mtl


def claims(text="one trunk wins", unit="%"):
    draw = np.random.default_rng(0)
    moves = ((0.1, "supported"), (-0.1, "contradicted"), (0.0, "undecided"))
    made = [mtl.claim(f"{text} ({name})", draw.normal(shift, 0.02, 8), 0.0, unit=unit) for shift, name in moves]
    assert [one.verdict for one in made] == [name for _, name in moves]
    return made


def words_of(page):
    """What a reader sees, in order."""
    return html.unescape(re.sub(r"<[^>]*>", " ", page))


def test_as_text_it_is_the_claims_own_lines():
    made = claims()
    assert repr(mtl.show.verdicts(*made, primary=1, title="Three claims")) == "\n".join(map(repr, made))
    assert repr(mtl.show.verdicts(made)) == repr(mtl.show.verdicts({"a": made[0]}, made[1:]))


@pytest.mark.parametrize("unit", ["%", "", "ratings"])
def test_every_word_and_number_of_a_claim_is_in_its_row(unit):
    made = claims(unit=unit)
    page = mtl.show.verdicts(*made, title="Three claims")._repr_html_()
    rows = re.findall(r"<tr>.*?</tr>", page.partition("<tbody>")[2].partition("</tbody>")[0])
    assert len(rows) == len(made)
    for one, row in zip(made, rows, strict=True):
        seen = words_of(row)
        for part in (one.verdict, one.text, *one.rounded(), "8 seeds", {"%": "points", "": ""}.get(unit, unit)):
            assert part in seen
    assert "Three claims" in words_of(page)
    assert ("points: percentage points" in words_of(page)) == (unit == "%")


def test_numbers_and_verdicts_stand_on_one_line():
    """Split at 1,280 pixels they could not be read: the claim's words alone may break, and only between words."""
    overlapping = mtl.claim("splits", [0.1, 0.2, 0.1], 0.0, overlap=(10, 5))
    for row in re.findall(r"<tr>.*?</tr>", mtl.show.verdicts(*claims(), overlapping)._repr_html_())[1:5]:
        verdict, words, mean, ends, over = re.findall(r"<td style=\"([^\"]*)\">", row)
        assert all("white-space:nowrap" in cell for cell in (verdict, mean, ends))
        assert not any("nowrap" in cell for cell in (words, over))
        assert re.search(r'<span style="white-space:nowrap">\d (seeds|pairs)</span>', row)
        assert "min-width" in words  # wider than a word, so that none is split; a longer one may not widen the table
        assert "overflow-wrap:anywhere" in words


def test_what_is_primary_is_said_to_be():
    page = mtl.show.verdicts(claims(), primary=1)._repr_html_()
    assert page.count("(primary)") == page.count("<strong>") == 1
    assert "(primary)" in re.findall(r"<tr>.*?</tr>", page)[1]


def test_names_are_text():
    page = mtl.show.verdicts(claims("$x$ <script>alert(1)</script> 中文"))._repr_html_()
    assert "<script>" not in page
    assert "$" not in page
    assert "中文" in page
    assert "<script>alert(1)</script>" in words_of(page)


def test_what_is_no_claim_is_refused():
    for wrong in (("a claim",), (3,), ([claims()[0], None],)):
        with pytest.raises(TypeError, match=r"what mtl\.claim returns"):
            mtl.show.verdicts(*wrong)
    with pytest.raises(ValueError, match="no claim"):
        mtl.show.verdicts([])
    for wrong in (-1, 4, "first"):
        with pytest.raises(ValueError, match="of the 3 claims"):
            mtl.show.verdicts(claims(), primary=wrong)


def test_a_map_of_claims_is_the_map_of_their_differences():
    supported, contradicted, undecided = claims()
    cells = {(2, 100): supported, (2, 1000): contradicted, (4, 100): undecided}
    drawn = mtl.show.map_of_claims(cells, row_name="width", column_name="labels", positive="one trunk is better")
    values = np.array([[supported.mean, contradicted.mean], [undecided.mean, np.nan]])
    half = np.array([[c.high - c.mean for c in (supported, contradicted)], [undecided.high - undecided.mean, np.nan]])
    same = mtl.show.map_of_differences(
        values, [2, 4], [100, 1000], half, "width", "labels", positive="one trunk is better"
    )
    assert drawn.alt == same.alt
    assert drawn.alt.endswith("Undecided: ≈ 1 of 3 cells.")  # the empty place is no cell that was measured
    with pytest.raises(ValueError, match="one unit"):
        mtl.show.map_of_claims({(1, 1): supported, (1, 2): claims(unit="")[0]})
    with pytest.raises(ValueError, match="no claims"):
        mtl.show.map_of_claims({})


def test_maps_side_by_side_have_one_scale():
    def colours(values, **how):
        figure = mtl.show.map_of_differences(values, ["a"], ["b", "c"], **how).figure
        cells = [patch for patch in figure.axes[0].patches if patch.get_width() > 0.5]
        return [patch.get_facecolor() for patch in cells]

    alone, beside = colours([[0.15, 0.04]], largest=0.15), colours([[0.04, -0.02]], largest=0.15)
    assert alone[1] == beside[0]
    assert alone == colours([[0.15, 0.04]])
    assert colours([[0.04, -0.02]])[0] != beside[0]
