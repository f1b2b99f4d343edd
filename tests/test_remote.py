"""Pictures by URL in a chat that is passed on: which are fetched, and what stands in their place."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.openai.chat import Document, Image, Remote
from oai_bridge.openai.remote import remote_pictures, with_pictures

DATA = "data:image/png;base64,AAAA"
CAT, DOG = "https://x.test/cat.png", "http://x.test/dog.png"


def picture(url: Any, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def test_all_are_named_with_their_places() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        user(text("These?"), picture(CAT), picture(DOG)),
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "1", "content": [picture(CAT)]},
    ]
    assert remote_pictures(messages) == [
        Remote(CAT, "messages[1].content[1].image_url.url"),
        Remote(DOG, "messages[1].content[2].image_url.url"),
        Remote(CAT, "messages[3].content[0].image_url.url"),
    ]


def test_the_data_stands_in_their_place() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        user(text("These?"), picture(CAT, detail="low"), picture(DATA), {**picture(DOG), "extra_content": {"a": 1}}),
        {"role": "assistant", "content": "Nice."},
        {**user(picture(CAT)), "name": "Ann"},
    ]
    before = copy.deepcopy(messages)
    sent = with_pictures(messages, {CAT: Image("image/jpeg", "CCCC"), DOG: Document("application/pdf", "DDDD")})
    assert messages == before, "the input stays"
    assert sent == [
        messages[0],
        user(
            text("These?"),
            picture("data:image/jpeg;base64,CCCC", detail="low"),
            picture(DATA),
            {**picture("data:application/pdf;base64,DDDD"), "extra_content": {"a": 1}},
        ),
        messages[2],
        {**user(picture("data:image/jpeg;base64,CCCC")), "name": "Ann"},
    ]
    assert remote_pictures(sent) == []


def test_a_text_is_told_as_such() -> None:
    """Its data is no base64."""
    assert with_pictures([user(picture(CAT))], {CAT: Document("text/plain", "Grüße")}) == [user(text("Grüße"))]


@pytest.mark.parametrize("url", [f"  {CAT}\n", "HTTPS://X.TEST/cat.png", "Http://x.test/"])
def test_how_a_url_may_be_spelled(url: str) -> None:
    messages = [user(picture(url))]
    (remote,) = remote_pictures(messages)
    assert remote.url == url.strip()
    assert with_pictures(messages, {remote.url: Image("image/png", "AAAA")}) == [user(picture(DATA))]


@pytest.mark.parametrize(
    "part",
    [
        *(picture(DATA), picture("gs://bucket/cat.png"), picture("cat.png"), picture(""), picture(None), picture(7)),
        *({"type": "image_url"}, {"type": "image_url", "image_url": CAT}, {"type": "image_url", "image_url": None}),
        *(text(CAT), {"type": "video_url", "video_url": {"url": CAT}}, {"image_url": {"url": CAT}}, {}, CAT, None, 7),
    ],
    ids=str,
)
def test_what_is_no_picture_by_url_stays(part: Any) -> None:
    messages = [user(part)]
    assert remote_pictures(messages) == []
    assert with_pictures(messages, {}) == messages


@pytest.mark.parametrize("content", [None, CAT, {}, 7, True, [], [[picture(CAT)]]], ids=str)
def test_odd_contents_stay(content: Any) -> None:
    messages = [{"role": "user", "content": content}, {"role": "user"}]
    assert remote_pictures(messages) == []
    assert with_pictures(messages, {}) == messages


@given(st.lists(st.lists(st.sampled_from([CAT, DOG, DATA, "text"]), max_size=4), max_size=4))
def test_as_many_as_there_are(urls: list[list[str]]) -> None:
    messages = [user(*map(picture, some)) for some in urls]
    remotes = remote_pictures(messages)
    assert [remote.url for remote in remotes] == [url for some in urls for url in some if url in (CAT, DOG)]
    for remote in remotes:
        message, part = (int(piece.partition("]")[0]) for piece in remote.param.split("[")[1:])
        assert urls[message][part] == remote.url
    got = with_pictures(messages, {CAT: Image("a/b", "C"), DOG: Image("a/b", "D")})
    new = {CAT: "data:a/b;base64,C", DOG: "data:a/b;base64,D"}
    assert got == [user(*(picture(new.get(url, url)) for url in some)) for some in urls]
