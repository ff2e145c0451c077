"""Policies as text of the tools that make them: JSON, CloudFormation, Terraform, AWS's command line."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

# What stands for the account that a template is run in.
CLOUDFORMATION = ("${AWS::Partition}", "${AWS::AccountId}")
TERRAFORM = ("${local.partition}", "${local.account}")


def as_json(value: Any) -> str:
    """Return indented JSON that ends with a newline."""
    return json.dumps(value, indent=2) + "\n"


def with_subs(value: Any) -> Any:
    """Return a document for CloudFormation: each text with a variable in it becomes a Fn::Sub."""
    if isinstance(value, str):
        return {"Fn::Sub": value} if "${" in value else value
    if isinstance(value, Mapping):
        return {key: with_subs(each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [with_subs(each) for each in value]
    return value


def as_hcl(document: Any, *, indent: int = 2) -> str:
    """Return a document as an argument of Terraform: JSON is an expression of its language."""
    text = json.dumps(document, indent=2, separators=(",", " : "))  # as `terraform fmt` has it
    return "jsonencode(" + text.replace("\n", "\n" + " " * indent) + ")"


def as_heredoc(document: Any) -> str:
    """Return a document as one quoted argument of a shell: no policy has an apostrophe in it."""
    return f"'{json.dumps(document, indent=2)}'"
