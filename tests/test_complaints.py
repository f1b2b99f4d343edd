"""The families of complaints that users filed against other translators, and the tests that keep each away from here.

An index: whoever renames or deletes such a test is told. The threads are named in the tests' docstrings.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

COMPLAINTS = {
    "temperature and top_p together, or above 1, are refused": {
        "claude_request/test_fields": ["test_sampling"],
    },
    "a prefill is refused by newer models": {
        "test_claude_turns": ["test_a_prefill_is_asked_to_be_continued_where_the_model_refuses_it"],
        "claude_request/test_fields": ["test_a_prefill_goes_with_neither_thinking_nor_a_format"],
    },
    "hoisted system messages break the prompt cache": {
        "test_claude_turns": ["test_system_messages_amid_the_chat_stay_in_their_place"],
        "test_prefix": ["test_a_longer_prompt_begins_with_the_shorter_one"],
    },
    "tool calls have the wrong index, or arguments such as {}{…}": {
        "test_claude_reply": ["test_tool_calls_are_counted_from_0_whatever_stands_between"],
        "test_reply": ["test_calls_have_their_place_in_the_list"],
        "end_to_end/test_agents": ["test_a_loop_of_tools"],
    },
    "results of tools are split over turns, or lost": {
        "test_claude_pairing": [
            "test_all_results_stand_in_one_turn_after_their_calls",
            "test_a_call_without_a_result_gets_one",
            "test_legacy_functions_are_paired_by_name",
        ],
        "test_claude_tools": ["test_tools_must_be_defined_with_history"],
    },
    "thinking is lost or changed between tool calls": {
        "test_claude_turns": ["test_thoughts_go_first_in_order_and_to_the_letter"],
        "claude_request/test_memory": ["test_thinking_that_the_client_lost_is_put_back"],
        "test_claude_repair": ["test_thinking_is_taken_out_of_the_history"],
    },
    "no thinking is shown": {
        "test_claude_thinking": [
            "test_the_reasoning_is_shown_to_who_asks_for_it_cliproxyapi_2803_docker_agent_3415",
        ],
    },
    "efforts and budgets that the model refuses": {
        "test_claude_thinking": ["test_every_wish_gives_a_legal_body", "test_the_room"],
    },
    "usage leaves out the cache": {
        "test_claude_usage": ["test_the_prompt_counts_what_the_cache_holds"],
        "test_shapes": ["test_usage_adds_up_with_the_cache"],
    },
    "usage comes in a chunk of the wrong shape": {
        "test_reply": ["test_the_usage_has_a_chunk_of_its_own"],
    },
    "errors in the middle of a stream are swallowed": {
        "test_transcript": ["test_an_error_in_the_middle_is_not_swallowed", "test_an_empty_answer_is_an_error"],
    },
    "betas are refused by the cloud": {
        "test_claude_betas": [
            "test_vertex_gets_no_beta_that_it_would_answer_400_to_litellm_17755_claude_code_12429",
        ],
        "claude_native/test_bodies": ["test_betas_of_header_and_body_go_by_the_list_of_the_cloud"],
    },
    "the vendor's words leak: finish reasons, placeholders, tools of its own": {
        "test_claude_reply": [
            "test_no_finish_reason_of_the_vendor_leaks",
            "test_the_clouds_own_tools_are_no_calls_of_the_client",
        ],
        "test_claude_turns": ["test_empty_messages_leave_no_words_of_ours"],
    },
    "schemas, choices and cache times lose a part on the way": {
        "test_json_schema": ["test_additional_properties_and_enum_level_keys_stay"],
        "test_claude_tools": ["test_no_choice_is_sent_without_tools"],
        "test_claude_cache": ["test_the_ttl_is_kept_where_it_can_be_unlike_portkey"],
    },
    "odd arguments, pictures and files are refused or crash": {
        "test_assistant": ["test_malformed_arguments_are_kept_as_the_text_they_are"],
        "test_media": ["test_the_bytes_tell_the_type", "test_a_file"],
        "test_messages": ["test_sillytaverns_anthropic_blocks_are_images"],
    },
}


def test_there_are_fifteen_families() -> None:
    assert len(COMPLAINTS) == 15


@pytest.mark.parametrize(
    ("file", "test"),
    sorted({(file, test) for places in COMPLAINTS.values() for file, tests in places.items() for test in tests}),
)
def test_each_has_its_tests(file: str, test: str) -> None:
    assert test in named_in(file)


@cache
def named_in(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / f"{file}.py").read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
