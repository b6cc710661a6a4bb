import pytest

from pilothouse.providers.tables import Table, column_names


def read(*lines: str) -> list[str]:
    """The rows of a table, as its lines come: with cells to `row`, others to `between`."""
    table = Table()
    rows = []
    for line in lines:
        if "|" in line:
            rows.append(table.row(line))
        else:
            assert table.between(line, after_blank=False), line
    return [row for row in rows if row is not None]


@pytest.mark.parametrize(
    ("head", "count", "names"),
    [
        ([["2023", "2022"]], 2, ["2023", "2022"]),
        ([["Item", "2023", "2022"]], 2, ["2023", "2022"]),
        ([["Ended"], ["July 1,", "June 25,"], ["2023", "2022"]], 2, ["Ended July 1, 2023", "Ended June 25, 2022"]),
        ([["3 M", "9 M"], ["2023", "2022", "2023", "2022"]], 4, ["3 M 2023", "3 M 2022", "9 M 2023", "9 M 2022"]),
        ([["July 1,", "June 25,"], ["2023", "2022", "Change"]], 3, ["July 1, 2023", "June 25, 2022", "Change"]),
        ([["2023", "2022"]], 3, ["", "", ""]),
        ([["Ended June 30,"]], 2, ["", ""]),
        ([], 2, ["", ""]),
    ],
)  # fmt: skip
def test_column_names(head, count, names):
    assert column_names(head, count) == names


def test_a_statement_with_subheadings_and_a_unit():
    assert read(
        "(in millions, except per share data)",
        "Three Months Ended | Nine Months Ended",
        "July 1, | June 25, | July 1, | June 25,",
        "2023 | 2022 | 2023 | 2022",
        "Net sales:",
        "Products | $ 60,584 | $ 63,355 | $ 230,901 | $ 245,241",
        "Total net sales | 81,797 | 82,959 | 293,787 | 304,182",
        "Margin | 44.5 % | 43.3 % | — % | (1)%",
    ) == [
        "Net sales, Products: $60,584 (Three Months Ended July 1, 2023), $63,355 (Three Months Ended June 25, 2022), "
        "$230,901 (Nine Months Ended July 1, 2023), $245,241 (Nine Months Ended June 25, 2022), in millions",
        "Total net sales: 81,797 (Three Months Ended July 1, 2023), 82,959 (Three Months Ended June 25, 2022), "
        "293,787 (Nine Months Ended July 1, 2023), 304,182 (Nine Months Ended June 25, 2022), in millions",
        "Margin: 44.5% (Three Months Ended July 1, 2023), 43.3% (Three Months Ended June 25, 2022), "
        "—% (Nine Months Ended July 1, 2023), (1)% (Nine Months Ended June 25, 2022)",
    ]  # fmt: skip


def test_the_unit_goes_with_what_it_counts():
    rows = read(
        "2023 | 2022", "(in millions)", "Revenue | 7,192 | 8,288", "Growth of revenue | 5 | 7", "Basic | 0.8 | 0.7"
    )
    assert rows == [
        "Revenue: 7,192 (2023), 8,288 (2022), in millions",
        "Growth of revenue: 5 (2023), 7 (2022)",
        "Basic: 0.8 (2023), 0.7 (2022)",
    ]


def test_a_label_over_two_lines():
    rows = read(
        "2023 | 2022",
        "Other income:",
        "Foreign currency adjustments, net of tax of $76",
        "and $36 | (5) | 3",
        "Rest | 1 | 2",
    )
    assert rows == [
        "Other income, Foreign currency adjustments, net of tax of $76 and $36: (5) (2023), 3 (2022)",
        "Other income, Rest: 1 (2023), 2 (2022)",
    ]


def test_figures_that_lost_their_bar():
    rows = read("2023 | 2022", "Expenses $ 1,945 | $ 1,403", "Consolidated | $ 127,101  $ 143,083")
    assert rows == ["Expenses: $1,945 (2023), $1,403 (2022)", "Consolidated: $127,101 (2023), $143,083 (2022)"]


def test_a_new_head_begins_a_new_table():
    rows = read("2023 | 2022", "A:", "x | 1 | 2", "2021 | 2020", "y | 3 | 4")
    assert rows == ["A, x: 1 (2023), 2 (2022)", "y: 3 (2021), 4 (2020)"]


def test_tables_of_words():
    assert read(
        "| question | choice | why |", "|---|:-:|---|", "| client | aiohttp | costs less |", "| JSON | msgspec | |"
    ) == [
        "client (choice: aiohttp; why: costs less)",
        "JSON (choice: msgspec)",
    ]
    assert read("Setting | Default", "Port | 8484 or any", "Home | .pilothouse") == [
        "Port: 8484 or any",
        "Home: .pilothouse",
    ]
