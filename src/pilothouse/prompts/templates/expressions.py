"""Expressions of a Jinja template as functions of what is in scope. They see data, never a Python object's attributes.

Only what is listed here is understood; all else is refused where the template is read, with its line.
"""

from collections.abc import Callable
from typing import Any

from jinja2 import nodes

from pilothouse.errors import TemplateRefused
from pilothouse.prompts.templates.calling import FILTERS, OVER_ITEMS, called, default_of, method, over_items, ranged
from pilothouse.prompts.templates.filters import METHODS
from pilothouse.prompts.templates.limits import MAX_DEPTH, MAX_NODES
from pilothouse.prompts.templates.lists import TESTS
from pilothouse.prompts.templates.naming import clipped, nearest
from pilothouse.prompts.templates.operators import ARITHMETIC, COMPARISONS, bounded, joined
from pilothouse.prompts.templates.run import Expression, Fault, Run, Scope, Undefined, Use
from pilothouse.prompts.templates.values import kind_of, tainted

__all__ = ["Expressions"]


class Expressions:
    """Reads expressions of one template, counts its nodes and notes the variables that it names.

    `bound` are the names that the template has set itself so far; `asks` is above 0 while what is read need not be
    defined.
    """

    def __init__(self) -> None:
        self.nodes = self.depth = self.asks = 0
        self.bound: set[str] = set()
        self.uses: dict[str, Use] = {}

    def read(self, node: nodes.Node) -> Expression:
        """Raises TemplateRefused for what is not among the expressions here."""
        self.entered(node)
        reader = getattr(self, f"_{type(node).__name__.lower()}", None)
        if reader is None:
            raise self.refused(node, f"{type(node).__name__} is no expression of these templates.")
        self.depth += 1
        made: Expression = reader(node)
        self.depth -= 1
        return made

    def entered(self, node: nodes.Node) -> None:
        """Counts a node. Raises TemplateRefused for too many, or too deep."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.refused(node, f"the template has more than {MAX_NODES:,} parts.")
        if self.depth > MAX_DEPTH:
            raise self.refused(node, f"expressions and blocks are nested more than {MAX_DEPTH} deep.")

    def refused(self, node: nodes.Node, what: str) -> TemplateRefused:
        """An error at the line of a node."""
        return TemplateRefused(what, line=node.lineno)

    def _const(self, node: nodes.Const) -> Expression:
        value = node.value
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError:
                raise self.refused(node, "a text holds half of a surrogate pair, which is no character.") from None
        try:
            bounded(value)
        except Fault as fault:
            raise self.refused(node, str(fault).replace("comes out", "is written")) from None
        return lambda scope, run: value

    def _templatedata(self, node: nodes.TemplateData) -> Expression:
        return lambda scope, run: node.data

    def _name(self, node: nodes.Name) -> Expression:
        name = node.name
        if name.startswith("__"):
            raise self.refused(node, f"'{name}': names of variables do not begin with two underscores.")
        if name not in self.bound:
            known = self.uses.get(name)
            required = not self.asks or (known is not None and known.required)
            self.uses[name] = Use(known.line if known else node.lineno, required)

        def found(scope: Scope, run: Run) -> Any:
            try:
                return scope[name]
            except KeyError:
                raise Undefined(f"'{name}' is not set here.{nearest(name, scope)}") from None

        return found

    def _getattr(self, node: nodes.Getattr) -> Expression:
        return self._reached(node, self.read(node.node), lambda scope, run: node.attr, node.attr)

    def _getitem(self, node: nodes.Getitem) -> Expression:
        held = self.read(node.node)
        if isinstance(node.arg, nodes.Slice):
            return self._slice(node.arg, held)
        fixed = node.arg.value if isinstance(node.arg, nodes.Const) else None
        return self._reached(node, held, self.read(node.arg), fixed)

    def _reached(self, node: nodes.Node, held: Expression, key: Expression, fixed: Any) -> Expression:
        if isinstance(fixed, str) and fixed.startswith("__"):
            told = f"'{fixed}' is refused: a template reads the data of its variables, never attributes of Python."
            raise self.refused(node, told)

        def found(scope: Scope, run: Run) -> Any:
            value, at = held(scope, run), key(scope, run)
            try:
                if isinstance(value, dict):
                    return value[at]
                if isinstance(value, list):
                    return value[at]
                if isinstance(value, str) and isinstance(at, int):
                    return tainted(value[at], getattr(value, "level", 0))
            except (KeyError, IndexError, TypeError):
                told = nearest(at, value) if isinstance(value, dict) and isinstance(at, str) else ""
                raise Undefined(f"{kind_of(value)} has no {clipped(at)}.{told}") from None
            raise Undefined(f"{kind_of(value)} has no {clipped(at)}.")

        return found

    def _slice(self, node: nodes.Slice, held: Expression) -> Expression:
        self.entered(node)
        ends = [None if end is None else self.read(end) for end in (node.start, node.stop, node.step)]

        def cut(scope: Scope, run: Run) -> Any:
            value = held(scope, run)
            if not isinstance(value, str | list):
                raise Fault(f"{kind_of(value)} cannot be sliced.")
            found = value[slice(*(None if end is None else end(scope, run) for end in ends))]
            run.charge(1 + len(found) // (256 if isinstance(value, str) else 1))
            return tainted(found, getattr(value, "level", 0))

        return cut

    def _list(self, node: nodes.List | nodes.Tuple) -> Expression:
        items = [self.read(item) for item in node.items]
        return lambda scope, run: [item(scope, run) for item in items]

    _tuple = _list

    def _dict(self, node: nodes.Dict) -> Expression:
        pairs = [(self.read(pair.key), self.read(pair.value)) for pair in node.items]

        def made(scope: Scope, run: Run) -> Any:
            held = {}
            for key, value in pairs:
                named = key(scope, run)
                if not isinstance(named, str):
                    raise Fault(f"a key of an object is a text, not {kind_of(named)}.")
                held[named] = value(scope, run)
            return held

        return made

    def _condexpr(self, node: nodes.CondExpr) -> Expression:
        test, yes = self.read(node.test), self.read(node.expr1)
        no = None if node.expr2 is None else self.read(node.expr2)

        def chosen(scope: Scope, run: Run) -> Any:
            if test(scope, run):
                return yes(scope, run)
            if no is None:
                raise Undefined("an 'if' without 'else' is false; write what stands there then.")
            return no(scope, run)

        return chosen

    def _and(self, node: nodes.And) -> Expression:
        left, right = self.read(node.left), self.read(node.right)
        return lambda scope, run: left(scope, run) and right(scope, run)

    def _or(self, node: nodes.Or) -> Expression:
        left, right = self.read(node.left), self.read(node.right)
        return lambda scope, run: left(scope, run) or right(scope, run)

    def _not(self, node: nodes.Not) -> Expression:
        inner = self.read(node.node)
        return lambda scope, run: not inner(scope, run)

    def _neg(self, node: nodes.Neg | nodes.Pos) -> Expression:
        inner, sign = self.read(node.node), -1 if isinstance(node, nodes.Neg) else 1

        def signed(scope: Scope, run: Run) -> Any:
            value = inner(scope, run)
            if not isinstance(value, int | float):
                raise Fault(f"{kind_of(value)} has no sign.")
            return bounded(sign * value)

        return signed

    _pos = _neg

    def _binary(self, node: nodes.BinExpr) -> Expression:
        left, right, apply = self.read(node.left), self.read(node.right), ARITHMETIC[type(node).__name__]
        return lambda scope, run: apply(run, left(scope, run), right(scope, run))

    _add = _sub = _mul = _div = _floordiv = _mod = _pow = _binary

    def _concat(self, node: nodes.Concat) -> Expression:
        items = [self.read(item) for item in node.nodes]

        def ends(scope: Scope, run: Run) -> str:
            texts = [run.text(item(scope, run)) for item in items]
            run.charge_text(sum(map(len, texts)))
            return joined(run, texts)

        return ends

    def _compare(self, node: nodes.Compare) -> Expression:
        first = self.read(node.expr)
        rest = [(COMPARISONS[operand.op], self.read(operand.expr)) for operand in node.ops]

        def holds(scope: Scope, run: Run) -> Any:
            left, result = first(scope, run), True
            for compare, expression in rest:
                right = expression(scope, run)
                result = compare(run, left, right)
                if not result:
                    return result
                left = right
            return result

        return holds

    def _filter(self, node: nodes.Filter) -> Expression:
        if node.node is None:
            raise self.refused(node, "a filter stands behind a value.")
        if node.name in ("default", "d"):
            return self._default(node)
        held, arguments = self.read(node.node), self._arguments(node)
        if node.name in OVER_ITEMS:
            return over_items(node.name, held, arguments)
        apply = FILTERS.get(node.name)
        if apply is None:
            told = nearest(node.name, sorted([*FILTERS, *OVER_ITEMS, "default"]))
            raise self.refused(node, f"there is no filter '{node.name}'.{told}")
        return called(f"the filter '{node.name}'", apply, held, arguments)

    def _default(self, node: nodes.Filter) -> Expression:
        chain = isinstance(node.node, nodes.Name | nodes.Getattr | nodes.Getitem)
        self.asks += chain
        held = self.read(node.node)  # type: ignore[arg-type]
        self.asks -= chain
        arguments = self._arguments(node)

        def given(scope: Scope, run: Run) -> Any:
            values, named = arguments(scope, run)
            fallback, falsy = default_of(*values, **named)
            try:
                value = held(scope, run)
            except Undefined:
                if not chain:
                    raise
                return fallback
            return value if value or not falsy else fallback

        return given

    def _test(self, node: nodes.Test) -> Expression:
        if node.name in ("defined", "undefined"):
            self.asks += 1
            asked = self.read(node.node)
            self.asks -= 1
            return _asked(asked, node.name == "defined")
        apply = TESTS.get(node.name)
        if apply is None:
            raise self.refused(
                node, f"there is no test '{node.name}'.{nearest(node.name, sorted([*TESTS, 'defined']))}"
            )
        return called(f"the test '{node.name}'", apply, self.read(node.node), self._arguments(node))

    def _call(self, node: nodes.Call) -> Expression:
        made = node.node
        arguments = self._arguments(node)
        if isinstance(made, nodes.Name) and made.name == "range" and "range" not in self.bound:
            return called("range()", ranged, None, arguments)
        if isinstance(made, nodes.Getattr) and made.attr in METHODS:
            return method(made.attr, self.read(made.node), arguments)
        name = made.attr if isinstance(made, nodes.Getattr) else getattr(made, "name", "this")
        told = f" {'A template may' if name == 'this' else 'It may'} call range() and, of texts and objects: "
        raise self.refused(node, f"'{name}' cannot be called.{told}{', '.join(METHODS)}.")

    def _arguments(self, node: Any) -> Callable[[Scope, Run], tuple[list[Any], dict[str, Any]]]:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise self.refused(node, "arguments are written out, without '*' and '**'.")
        values = [self.read(value) for value in node.args]
        named = {pair.key: self.read(pair.value) for pair in node.kwargs}
        if not values and not named:
            return lambda scope, run: ([], {})
        return lambda scope, run: (
            [value(scope, run) for value in values],
            {name: value(scope, run) for name, value in named.items()},
        )


def _asked(asked: Expression, expected: bool) -> Expression:
    def told(scope: Scope, run: Run) -> bool:
        try:
            asked(scope, run)
        except Undefined:
            return not expected
        return expected

    return told
