"""Choosing records: views, search, counts and COQL."""

import pytest

ACCOUNTS, CONTACTS, DEALS = "/crm/v8/Accounts", "/crm/v8/Contacts", "/crm/v8/Deals"


@pytest.fixture
def books(crm, caller):
    """Four accounts, two contacts and two deals that the tests below choose from."""
    crm.reset(empty=True)
    caller.token = crm.token()
    ids = {}
    for name, city, employees, revenue in (
        ("Acme", "Berlin", 10, 1000.5),
        ("acme holding", "Chennai", 250, None),
        ("O'Hara, Sons & (Daughters)", "Dublin", 40, 99.0),
        ("Żółw 100%", None, 5, 5.0),
    ):
        ids[name] = caller.insert(
            "Accounts", Account_Name=name, Billing_City=city, Employees=employees, Annual_Revenue=revenue
        )
    ids["Anna"] = caller.insert(
        "Contacts", First_Name="Anna", Last_Name="Berg", Email="anna@acme.example", Account_Name={"id": ids["Acme"]}
    )
    ids["Bo"] = caller.insert("Contacts", Last_Name="Bo", Phone="+45 55 50 1234", Email_Opt_Out=True)
    ids["won"] = caller.insert(
        "Deals", Deal_Name="Won", Stage="Closed Won", Closing_Date="2026-01-05", Amount=500,
        Account_Name={"id": ids["Acme"]},
    )  # fmt: skip
    ids["open"] = caller.insert("Deals", Deal_Name="Open", Stage="Qualification", Closing_Date="2027-06-30", Amount=70)
    return ids


def names(caller, path, field="Account_Name", **params):
    return sorted(record[field] for record in caller.records(path, fields=field, **params))


def selected(caller, query):
    answer = caller.post("/crm/v8/coql", {"select_query": query})
    assert answer.status in (200, 204), answer.data
    return answer.json()["data"] if answer.status == 200 else []


SEARCHES = [
    # criteria                                                          found
    ("(Account_Name:equals:acme)", ["Acme", "acme holding"]),  # equals finds what contains it
    ("(Account_Name:starts_with:ACME H)", ["acme holding"]),
    (r"(Account_Name:equals:O'Hara\, Sons & \(Daughters\))", ["O'Hara, Sons & (Daughters)"]),
    ("(Account_Name:equals:100%)", ["Żółw 100%"]),
    ("(Account_Name:equals:żÓłW)", ["Żółw 100%"]),
    ("((Account_Name:equals:acme)and(Billing_City:starts_with:Che))", ["acme holding"]),
    ("((Billing_City:equals:Berlin)or(Billing_City:equals:Dublin))", ["Acme", "O'Hara, Sons & (Daughters)"]),
    (
        "(((Billing_City:equals:Berlin)or(Billing_City:equals:Chennai))and(Employees:greater_than:100))",
        ["acme holding"],
    ),
    ("(Billing_City:in:Berlin,Dublin)", ["Acme", "O'Hara, Sons & (Daughters)"]),
    ("(Employees:between:5,40)", ["Acme", "O'Hara, Sons & (Daughters)", "Żółw 100%"]),
    ("(Employees:less_equal:10)", ["Acme", "Żółw 100%"]),
    ("(Annual_Revenue:equals:99)", ["O'Hara, Sons & (Daughters)"]),
    ("(Billing_City:not_equal:Berlin)", ["O'Hara, Sons & (Daughters)", "acme holding", "Żółw 100%"]),
    ("(Account_Name:equals:nowhere)", []),
]


@pytest.mark.parametrize(("criteria", "found"), SEARCHES)
def test_search_by_criteria(caller, books, criteria, found):
    assert names(caller, f"{ACCOUNTS}/search", criteria=criteria) == found


def test_search_by_lookup_owner_email_phone_and_word(caller, books):
    assert names(caller, f"{CONTACTS}/search", "Last_Name", criteria=f"(Account_Name:equals:{books['Acme']})") == [
        "Berg"
    ]
    owner = caller.record("Accounts", books["Acme"])["Owner"]["id"]
    assert len(names(caller, f"{ACCOUNTS}/search", criteria=f"(Owner:equals:{owner})")) == 4
    assert names(caller, f"{CONTACTS}/search", "Last_Name", email="Anna@ACME.example") == ["Berg"]
    assert names(caller, f"{CONTACTS}/search", "Last_Name", phone="+45 55 50 1234") == ["Bo"]
    assert names(caller, f"{CONTACTS}/search", "Last_Name", word="ANNA") == ["Berg"]
    assert names(caller, f"{ACCOUNTS}/search", word="erli") == ["Acme"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "EXPECTED_PARAM_MISSING"),
        ("?word=x", "INVALID_DATA"),
        ("?criteria=(Nonsense:equals:xx)", "INVALID_QUERY"),
        ("?criteria=(Account_Name:sounds_like:xx)", "INVALID_QUERY"),
        ("?criteria=(Account_Name:equals:x)", "INVALID_QUERY"),
        ("?criteria=(Account_Name:equals:xx", "INVALID_QUERY"),
        ("?criteria=(Account_Name:equals:xx)and", "INVALID_QUERY"),
        ("?criteria=(Employees:equals:many)", "INVALID_QUERY"),
        ("?criteria=" + "and".join(["(Phone:equals:55)"] * 11), "INVALID_QUERY"),
        ("?word=xx&page=11", "LIMIT_REACHED"),
    ],
)
def test_a_bad_search_is_refused(caller, books, query, expected):
    answer = caller.get(f"{ACCOUNTS}/search{query}")
    assert (answer.status, answer.json()["code"]) == (400, expected)


def test_the_search_index_may_lag_but_coql_does_not(crm, caller, books):
    crm.faults(search_delay_seconds=60)
    assert caller.get(f"{ACCOUNTS}/search", criteria="(Account_Name:equals:acme)").status == 204
    assert len(selected(caller, "select id from Accounts where Account_Name like 'acme%'")) == 2
    crm.faults(clock_skew_seconds=61)
    assert len(names(caller, f"{ACCOUNTS}/search", criteria="(Account_Name:equals:acme)")) == 2


def test_counts_follow_views_and_searches(caller, books):
    count = f"{ACCOUNTS}/actions/count"
    assert caller.get(count).json() == {"count": 4}
    assert caller.get(count, criteria="(Account_Name:equals:acme)").json() == {"count": 2}
    mine = caller.view_id("Accounts", "My Accounts")
    assert caller.get(count, cvid=mine).json() == {"count": 4}
    both = caller.get(count, cvid=mine, word="acme")
    assert (both.status, both.json()["code"]) == (400, "AMBIGUITY_DURING_PROCESSING")


EVERYONE = ["Acme", "acme holding", "O'Hara, Sons & (Daughters)", "Żółw 100%"]
CRITERIA = [
    # field            comparator         value                     found
    ("Billing_City", "equal", "berlin", ["Acme"]),
    ("Billing_City", "not_equal", "Berlin", ["O'Hara, Sons & (Daughters)", "acme holding", "Żółw 100%"]),
    ("Billing_City", "equal", "${EMPTY}", ["Żółw 100%"]),
    ("Billing_City", "not_equal", "${EMPTY}", ["Acme", "O'Hara, Sons & (Daughters)", "acme holding"]),
    ("Billing_City", "in", ["Berlin", "Dublin"], ["Acme", "O'Hara, Sons & (Daughters)"]),
    ("Billing_City", "not_in", ["Berlin", "Dublin"], ["acme holding", "Żółw 100%"]),
    ("Account_Name", "contains", "sons", ["O'Hara, Sons & (Daughters)"]),
    ("Account_Name", "not_contains", "acme", ["O'Hara, Sons & (Daughters)", "Żółw 100%"]),
    ("Account_Name", "ends_with", "ING", ["acme holding"]),
    ("Account_Name", "contains", "0%", ["Żółw 100%"]),
    ("Account_Name", "contains", "_", []),
    ("Employees", "between", [10, 40], ["Acme", "O'Hara, Sons & (Daughters)"]),
    ("Employees", "not_between", [10, 40], ["acme holding", "Żółw 100%"]),
    ("Annual_Revenue", "less_than", 99, ["Żółw 100%"]),
    ("Owner", "equal", "${CURRENTUSER}", sorted(EVERYONE)),
    (
        "Created_Time",
        "greater_equal",
        "${TODAY}-1",
        ["Acme", "O'Hara, Sons & (Daughters)", "acme holding", "Żółw 100%"],
    ),
    ("Created_Time", "less_than", "${TODAY}-1", []),
]


@pytest.mark.parametrize(("field", "comparator", "value", "found"), CRITERIA)
def test_a_made_view_shows_the_records_of_its_criteria(crm, caller, books, field, comparator, value, found):
    criteria = {"field": {"api_name": field}, "comparator": comparator, "value": value}
    view = crm.control("custom_views", {"module": "Accounts", "name": "Mine", "criteria": criteria})
    assert names(caller, ACCOUNTS, cvid=view["id"]) == found


@pytest.mark.parametrize("criteria", ["(Billing_City:equals:Berlin)", {"field": "Billing_City", "value": "Berlin"}])
def test_a_view_may_be_made_from_a_search_text_or_in_short_form(crm, caller, books, criteria):
    view = crm.control("custom_views", {"module": "Accounts", "name": "Berliners", "criteria": criteria})
    assert names(caller, ACCOUNTS, cvid=view["id"]) == ["Acme"]
    shown = caller.get(f"/crm/v8/settings/custom_views/{view['id']}", module="Accounts").json()["custom_views"][0]
    assert shown["criteria"]["field"]["api_name"] == "Billing_City"
    assert (shown["name"], shown["system_defined"], shown["category"]) == ("Berliners", False, "created_by_me")


def test_a_view_made_from_a_search_text_is_exact(crm, caller, books):
    for criteria, found in (
        ("(Account_Name:equals:Acme)", ["Acme"]),
        ("(Account_Name:starts_with:A)", ["Acme", "acme holding"]),
    ):
        view = crm.control("custom_views", {"module": "Accounts", "name": criteria, "criteria": criteria})
        assert names(caller, ACCOUNTS, cvid=view["id"]) == found


def test_groups_and_lookups_work_in_views(crm, caller, books):
    of_acme = {"field": {"api_name": "Account_Name"}, "comparator": "equal", "value": {"id": books["Acme"]}}
    opted_out = {"field": {"api_name": "Email_Opt_Out"}, "comparator": "equal", "value": True}
    for operator, found in (("or", ["Berg", "Bo"]), ("and", [])):
        criteria = {"group_operator": operator, "group": [of_acme, opted_out]}
        view = crm.control("custom_views", {"module": "Contacts", "name": operator, "criteria": criteria})
        assert names(caller, CONTACTS, "Last_Name", cvid=view["id"]) == found


def test_every_module_has_its_predefined_views_and_the_default_shows_all(caller):
    for module in ("Accounts", "Contacts", "Deals", "Products", "Invoices"):
        answer = caller.get("/crm/v8/settings/custom_views", module=module).json()
        predefined = [view for view in answer["custom_views"] if view["system_defined"]]
        assert [view["system_name"] for view in predefined] == [
            "ALLVIEWS", "MYVIEWS", "RECENTLYCREATED", "RECENTLYMODIFIED",
        ]  # fmt: skip
        assert answer["info"]["default"] == predefined[0]["id"]
        assert predefined[0]["name"] == f"All {module}"


def test_predefined_views_hold_a_proper_part_of_the_accounts(caller):
    everything = caller.get(f"{ACCOUNTS}/actions/count").json()["count"]
    for name in ("My Accounts", "Recently Created Accounts", "Customers in Europe", "Key Accounts"):
        part = caller.get(f"{ACCOUNTS}/actions/count", cvid=caller.view_id("Accounts", name)).json()["count"]
        assert 0 < part < everything


def test_a_view_costs_more_credits_and_belongs_to_its_module(crm, caller):
    view = caller.view_id("Accounts", "My Accounts")
    caller.get(ACCOUNTS, fields="id", cvid=view)
    assert crm.requests()[-1]["credits"] == 3
    assert caller.get(CONTACTS, fields="id", cvid=view).status == 400


QUERIES = [
    # where                                                               found
    ("Account_Name = 'Acme'", ["Acme"]),
    ("Account_Name like 'acme%'", ["Acme", "acme holding"]),
    ("Account_Name not like '%acme%'", ["O'Hara, Sons & (Daughters)", "Żółw 100%"]),
    (r"Account_Name = 'O\'Hara, Sons & (Daughters)'", ["O'Hara, Sons & (Daughters)"]),
    ("Account_Name = 'O''Hara, Sons & (Daughters)'", ["O'Hara, Sons & (Daughters)"]),
    ("Billing_City is null", ["Żółw 100%"]),
    ("Billing_City is not null", ["Acme", "O'Hara, Sons & (Daughters)", "acme holding"]),
    ("Employees between 10 and 40", ["Acme", "O'Hara, Sons & (Daughters)"]),
    ("Employees >= 40 and Employees < 250", ["O'Hara, Sons & (Daughters)"]),
    ("((Employees = 5 or Employees = 10) and Billing_City in ('Berlin'))", ["Acme"]),
    ("Billing_City not in ('Berlin', 'Dublin')", ["acme holding", "Żółw 100%"]),
    ("Employees != 5", ["Acme", "O'Hara, Sons & (Daughters)", "acme holding"]),
]


@pytest.mark.parametrize(("where", "found"), QUERIES)
def test_coql_conditions(caller, books, where, found):
    rows = selected(caller, f"select Account_Name from Accounts where {where}")
    assert sorted(row["Account_Name"] for row in rows) == found


def test_coql_follows_lookups_and_gives_references_by_id(caller, books):
    rows = selected(
        caller,
        "select Last_Name, Account_Name, Account_Name.Account_Name, Account_Name.Billing_City, Created_By.email "
        "from Contacts where Account_Name.Billing_City = 'Berlin'",
    )
    assert rows == [
        {
            "Last_Name": "Berg",
            "Account_Name": {"id": books["Acme"]},
            "Account_Name.Account_Name": "Acme",
            "Account_Name.Billing_City": "Berlin",
            "Created_By.email": "admin@crm.example",
            "id": books["Anna"],
        }
    ]


def test_coql_sorts_and_windows_in_both_spellings(caller, books):
    query = "select Employees from Accounts where id is not null order by Employees desc limit"
    assert [row["Employees"] for row in selected(caller, f"{query} 2")] == [250, 40]
    assert [row["Employees"] for row in selected(caller, f"{query} 2 offset 1")] == [40, 10]
    assert [row["Employees"] for row in selected(caller, f"{query} 1, 2")] == [40, 10]
    answer = caller.post("/crm/v8/coql", {"select_query": f"{query} 3"}).json()
    assert answer["info"] == {"count": 3, "more_records": True}


def test_coql_aggregates(caller, books):
    query = "select Stage, count(id), sum(Amount) as total from Deals where id is not null group by Stage"
    assert selected(caller, query) == [
        {"Stage": "Closed Won", "COUNT(id)": 1, "total": 500},
        {"Stage": "Qualification", "COUNT(id)": 1, "total": 70},
    ]


@pytest.mark.parametrize(
    ("query", "expected", "details"),
    [
        ("select id from Accounts", "SYNTAX_ERROR", {"clause": "where"}),
        ("select id from Accounts where", "SYNTAX_ERROR", None),
        ("select id from Accounts where id = 1 or id = 2 and id = 3", "SYNTAX_ERROR", None),
        ("select Nope from Accounts where id is not null", "INVALID_QUERY", None),
        ("select id from Accounts where id = 1 or id = 2 or id = 3", "SYNTAX_ERROR", None),
        ("select id from Accounts where Account_Name = 'Acme", "SYNTAX_ERROR", None),
        ("select id from Nope where id is not null", "INVALID_MODULE", {}),
        ("select id, id from Accounts where id is not null", "DUPLICATE_DATA", {"column_name": "id"}),
        ("select id from Accounts where id is not null limit s", "INVALID_QUERY", {"limit": "s"}),
        ("select id from Accounts where id is not null limit 2001", "LIMIT_EXCEEDED", None),
        ("", "MANDATORY_NOT_FOUND", {"api_name": "select_query"}),
    ],
)
def test_a_bad_query_is_refused(caller, books, query, expected, details):
    answer = caller.post("/crm/v8/coql", {"select_query": query})
    assert (answer.status, answer.json()["code"]) == (400, expected)
    if details is not None:
        assert answer.json()["details"] == details
