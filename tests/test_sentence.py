"""A sentence whose numbers can be dragged: it says the same in Python, in a notebook without a kernel and in a page."""

import html

import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_lesson.widgets import Sentence

TEMPLATE = "With {n} pupils of its own and {k} borrowed, its own decide {share}."


def share(n, k):
    return {"share": f"≈ {n / (n + k):.0%}"}


@pytest.fixture
def sentence():
    return Sentence(TEMPLATE, share, n=range(1, 61), k=range(61), start={"n": 10, "k": 6})


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(0, 9))
def test_every_number_has_its_own_words(n, k):
    said = Sentence(TEMPLATE, share, n=range(1, 13), k=range(10)).put(n=n, k=k)
    assert said.text == TEMPLATE.format(n=n, k=k, **share(n, k)) == repr(said)
    assert said.values == {"n": n, "k": k}
    assert said.facts["told"][f"{n - 1},{k}"] == share(n, k)


def test_it_begins_where_it_is_told_to(sentence):
    assert sentence.text.startswith(
        "With 10 pupils of its own and 6 borrowed, its own decide ≈ 62 %".replace("62 %", "62%")
    )
    assert Sentence(TEMPLATE, share, n=[3, 4], k=[0.5, 2]).text.startswith("With 3 pupils of its own and 0.50 borrowed")


def test_what_makes_no_sentence_is_refused():
    for wrong, words in (
        ({"n": range(5)}, "each name is filled once"),
        ({"n": range(1, 5), "k": []}, "has no values"),
        ({"n": range(1, 5), "k": range(5), "other": range(2)}, "'other'"),
        ({"n": range(1, 500), "k": range(500)}, "at most 20,000"),
        ({"n": range(1, 5), "k": range(5), "start": {"n": 9}}, "n = 9"),
    ):
        with pytest.raises(ValueError, match=words):
            Sentence(TEMPLATE, lambda n, k=1: share(n, k), **wrong)
    with pytest.raises(ValueError, match="each name is filled once"):
        Sentence(TEMPLATE, lambda n, k: share(n, k) | {"k": "many"}, n=[1, 2], k=[1, 2])
    with pytest.raises(ValueError, match=r"says\(\) gives nothing"):
        Sentence(TEMPLATE, lambda n, k: {}, n=[1], k=[1])


def test_a_place_that_is_not_there_is_refused(sentence):
    for at in ({"n": 0}, {"n": 99, "k": 0}, {"n": -1, "k": 0}):
        with pytest.raises(traitlets.TraitError):
            sentence.at = at
    with pytest.raises(ValueError, match=r"k = 2\.5"):
        sentence.put(k=2.5)
    assert sentence.values == {"n": 10, "k": 6}


def test_a_notebook_without_a_kernel_shows_the_sentence():
    hostile = Sentence("<b>{n}</b> $x$ {what}", lambda n: {"what": "<script>"}, n=[1, 2])
    bundle = hostile._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"] == hostile.text == "<b>1</b> $x$ <script>"
    assert data["text/html"] == f"<p>{html.escape(hostile.text)}</p>"
    assert "<script>" not in hostile.page().split('id="traits">')[1].split("</script>")[0]


@pytest.mark.browser
def test_numbers_are_dragged_and_stepped_in_a_page(sentence, chromium, tmp_path):
    sentence.save(tmp_path / "sentence.html")
    page, trouble = chromium.new_page(viewport={"width": 700, "height": 300}), []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto((tmp_path / "sentence.html").as_uri())
    said, n, k = page.locator(".mtl-said"), *page.locator(".mtl-drag").all()
    assert said.inner_text() == sentence.text
    n.focus()
    for keys, value in ((["ArrowRight", "ArrowUp"], 12), (["PageDown"], 2), (["ArrowLeft"] * 4, 1), (["End"], 60)):
        for key in keys:
            n.press(key)
        page.wait_for_timeout(60)
        assert said.inner_text() == sentence.put(n=value).text
    box = k.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 70, y)  # ten steps
    page.mouse.up()
    page.mouse.move(x, y)  # let go: it stays
    page.wait_for_timeout(60)
    assert said.inner_text() == sentence.put(k=16).text
    assert k.get_attribute("aria-valuetext") == "16"
    assert page.locator(".mtl-status").inner_text() == sentence.text
    assert trouble == []
