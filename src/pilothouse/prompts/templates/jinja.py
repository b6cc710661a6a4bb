"""Jinja's own parser, and statements evaluated here: output, if, for, set, with and include.

Jinja compiles a template to Python and then guards what that Python may reach. Here nothing is compiled: the tree that
Jinja reads becomes functions over plain data (`expressions`), so that there is no object to break out of and each turn
of a loop is charged. Macros, blocks, imports and recursion are refused.
"""

from collections.abc import Iterator
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from pilothouse.errors import TemplateRefused
from pilothouse.prompts.templates.expressions import Expressions
from pilothouse.prompts.templates.limits import MAX_TOKENS
from pilothouse.prompts.templates.lists import iterated
from pilothouse.prompts.templates.run import Compiled, Expression, Fault, Inclusion, Run, Scope, Statement, include
from pilothouse.prompts.templates.values import level_of, tainted

__all__ = ["compile_jinja"]

_INSTEAD = {
    "Macro": "macros are not supported: put the text into a prompt of its own and include it",
    "CallBlock": "'call' is not supported: there are no macros",
    "Import": "'import' is not supported: include the prompt",
    "FromImport": "'from ... import' is not supported: include the prompt",
    "Extends": "'extends' is not supported: include the prompts that are shared",
    "Block": "'block' is not supported: there is no 'extends'",
    "FilterBlock": "'filter' blocks are not supported: apply the filter to a value",
    "AssignBlock": "'set' with a block is not supported: set a value with '='",
}


class _Counted(Extension):
    """Stops reading a template of too many words."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        for number, token in enumerate(stream):
            if number > MAX_TOKENS:
                raise TemplateSyntaxError(f"the tags hold more than {MAX_TOKENS:,} words and signs", token.lineno)
            yield token


_SYNTAX = Environment(extensions=[_Counted], keep_trailing_newline=True, optimized=False)


def compile_jinja(text: str) -> Compiled:
    """Raises TemplateRefused with the line."""
    try:
        tree = Parser(_SYNTAX, text).parse()
        reader = _Statements()
        body = reader.block(tree.body)
    except TemplateSyntaxError as error:
        raise TemplateRefused(f"{_sentence(error.message)}", line=error.lineno) from None
    except RecursionError:
        raise TemplateRefused("expressions or blocks are nested too deep.") from None
    except ValueError:
        raise TemplateRefused("a number in it has too many digits.") from None
    return Compiled(body, reader.uses, tuple(reader.includes), reader.nodes)


def _sentence(message: str | None) -> str:
    text = (message or "it cannot be read").strip()
    return f"{text[:300]}{'' if text.endswith(('.', '?', '!')) else '.'}"


class _Statements(Expressions):
    def __init__(self) -> None:
        super().__init__()
        self.includes: list[Inclusion] = []

    def block(self, body: list[nodes.Node]) -> Statement:
        steps = [step for node in body for step in self._steps(node)]
        if len(steps) == 1:
            return steps[0]

        def run_all(scope: Scope, run: Run) -> None:
            for step in steps:
                step(scope, run)

        return run_all

    def _steps(self, node: nodes.Node) -> list[Statement]:
        if isinstance(node, nodes.Output):
            return [self._written(one) for one in node.nodes]
        self.entered(node)
        reader = getattr(self, f"_do_{type(node).__name__.lower()}", None)
        if reader is None:
            kind = type(node).__name__
            raise self.refused(node, f"{_INSTEAD.get(kind, f'{kind} is no statement of these templates')}.")
        self.depth += 1
        made: Statement = reader(node)
        self.depth -= 1
        return [made]

    def _written(self, node: nodes.Expr) -> Statement:
        if isinstance(node, nodes.TemplateData):
            self.entered(node)
            data = node.data
            return lambda scope, run: run.write(data)
        value, line, name = self.read(node), node.lineno, _name_of(node)

        def write(scope: Scope, run: Run) -> None:
            run.line = line
            if (made := value(scope, run)) is None:
                raise Fault(f"{name} is null; write what stands there then, such as {{{{ {name} or 'none' }}}}.")
            run.emit(made)

        return write

    def _do_if(self, node: nodes.If) -> Statement:
        line = node.lineno
        arms: list[tuple[Expression, Statement]] = []
        for one in (node, *node.elif_):
            arms.append((self.read(one.test), self.block(one.body)))
        otherwise = self.block(node.else_)

        def branch(scope: Scope, run: Run) -> None:
            run.line = line
            for test, body in arms:
                if test(scope, run):
                    return body(scope, run)
            return otherwise(scope, run)

        return branch

    def _do_for(self, node: nodes.For) -> Statement:
        if node.recursive:
            raise self.refused(node, "'recursive' loops are not supported.")
        line, start = node.lineno, self.nodes
        over, before = self.read(node.iter), set(self.bound)
        names = self._targets(node.target)
        self.bound |= {*names, "loop"}
        test = None if node.test is None else self.read(node.test)
        body = self.block(node.body)
        self.bound = before
        otherwise = self.block(node.else_)
        cost = self.nodes - start + 1
        loops = _mentions_loop(node.body)

        def turn(scope: Scope, run: Run, item: Any) -> Scope:
            run.charge(cost + len(scope) // 16)
            inner = dict(scope)
            _bind(inner, names, item)
            return inner

        def loop(scope: Scope, run: Run) -> None:
            run.line = line
            value = over(scope, run)
            items = tainted(iterated(value), level_of(value))
            if test is not None:
                items = [item for item in items if test(turn(scope, run, item), run)]
            for number, item in enumerate(items):
                inner = turn(scope, run, item)
                if loops:
                    inner["loop"] = _place(number, len(items))
                body(inner, run)
            if not items:
                otherwise(scope, run)

        return loop

    def _do_assign(self, node: nodes.Assign) -> Statement:
        value, line = self.read(node.node), node.lineno
        names = self._targets(node.target)
        self.bound |= set(names)

        def assign(scope: Scope, run: Run) -> None:
            run.line = line
            _bind(scope, names, value(scope, run))

        return assign

    def _do_with(self, node: nodes.With) -> Statement:
        values = [self.read(value) for value in node.values]
        targets = [self._targets(target) for target in node.targets]
        before = set(self.bound)
        self.bound |= {name for names in targets for name in names}
        body = self.block(node.body)
        self.bound = before

        def inside(scope: Scope, run: Run) -> None:
            inner = dict(scope)
            for names, value in zip(targets, values, strict=True):
                _bind(inner, names, value(scope, run))
            body(inner, run)

        return inside

    def _do_include(self, node: nodes.Include) -> Statement:
        name = node.template
        if not isinstance(name, nodes.Const) or not isinstance(name.value, str):
            raise self.refused(node, "what is included is written as a text in quotes, such as 'tone#production'.")
        if node.ignore_missing or not node.with_context:
            raise self.refused(node, "'ignore missing' and 'without context' are not supported.")
        self.includes.append(Inclusion(name.value, node.lineno, frozenset(self.bound)))
        run_part = include(name.value)
        line = node.lineno

        def included(scope: Scope, run: Run) -> None:
            run.line = line
            run_part(scope, run)

        return included

    def _targets(self, node: nodes.Node) -> list[str]:
        if isinstance(node, nodes.Name) and not node.name.startswith("__"):
            return [node.name]
        if (
            isinstance(node, nodes.Tuple)
            and len(node.items) > 1
            and all(isinstance(item, nodes.Name) for item in node.items)
        ):
            return [item.name for item in node.items if isinstance(item, nodes.Name)]
        raise self.refused(node, "a value is given to a name, or to names with commas between.")


def _bind(scope: Scope, names: list[str], value: Any) -> None:
    if len(names) == 1:
        scope[names[0]] = value
        return
    if not isinstance(value, list) or len(value) != len(names):
        raise Fault(f"there are {len(names)} names ({', '.join(names)}) and not as many values.")
    scope.update(zip(names, value, strict=True))


def _mentions_loop(body: list[nodes.Node]) -> bool:
    """Whether the turns need `loop`: what is included may read it, too."""
    inside = [found for node in body for found in (node, *node.find_all((nodes.Name, nodes.Include)))]
    return any(isinstance(one, nodes.Include) or getattr(one, "name", "") == "loop" for one in inside)


def _place(number: int, length: int) -> dict[str, Any]:
    left = length - number
    return {
        "index": number + 1,
        "index0": number,
        "revindex": left,
        "revindex0": left - 1,
        "first": number == 0,
        "last": left == 1,
        "length": length,
    }


def _name_of(node: nodes.Node) -> str:
    """As the author wrote it, where it is a name or a field of one."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_name_of(node.node)}.{node.attr}"
    return "..."
