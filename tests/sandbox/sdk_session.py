"""Zoho's own SDK at work against the stand-in CRM: `python sdk_session.py URL DIR` prints what it saw as JSON.

Runs in a process of its own, because the SDK keeps its state in globals and files in its resource folder.
"""

import json
import sys
from datetime import date

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.file_store import FileStore
from zohocrmsdk.src.com.zoho.crm.api.coql.body_wrapper import BodyWrapper as Query
from zohocrmsdk.src.com.zoho.crm.api.coql.coql_operations import CoqlOperations
from zohocrmsdk.src.com.zoho.crm.api.custom_views.custom_views_operations import (
    CustomViewsOperations,
    GetCustomViewsParam,
)
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.fields.fields_operations import FieldsOperations, GetFieldsParam
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.modules.modules_operations import ModulesOperations
from zohocrmsdk.src.com.zoho.crm.api.org.org_operations import OrgOperations
from zohocrmsdk.src.com.zoho.crm.api.parameter_map import ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.record import BodyWrapper, Record
from zohocrmsdk.src.com.zoho.crm.api.record.line_item_product import LineItemProduct
from zohocrmsdk.src.com.zoho.crm.api.record.record_operations import (
    DeleteRecordsParam,
    GetDeletedRecordsParam,
    GetRecordsParam,
    RecordOperations,
    SearchRecordsParam,
)
from zohocrmsdk.src.com.zoho.crm.api.related_records.related_records_operations import (
    GetRelatedRecordsParam,
    RelatedRecordsOperations,
)
from zohocrmsdk.src.com.zoho.crm.api.users.users_operations import GetUsersParam, UsersOperations


def params(*pairs):
    chosen = ParameterMap()
    for param, value in pairs:
        chosen.add(param, value)
    return chosen


def new_record(**values):
    record = Record()
    for name, value in values.items():
        record.add_key_value(name, value)
    return record


def reference(record_id):
    record = Record()
    record.set_id(record_id)
    return record


def wrapped(*records):
    body = BodyWrapper()
    body.set_data(list(records))
    return body


def written(answer):
    """(HTTP status, [(status, code or message, id)]) of a write."""
    items = answer.get_object().get_data()
    return answer.get_status_code(), [
        (item.get_status().get_value(), item.get_code().get_value(), item.get_details().get("id")) for item in items
    ]


def main(url, directory):
    environment = DataCenter.Environment(url, f"{url}/oauth/v2/token", url)
    token = OAuthToken("demo-client", "demo-secret", refresh_token="demo-refresh")
    Initializer.initialize(environment, token, store=FileStore(f"{directory}/tokens"), resource_path=directory)
    seen = {}
    see_metadata(seen)
    accounts = RecordOperations("Accounts")
    see_pages(seen, accounts)
    account_id = see_people(seen, accounts)
    see_documents(seen, account_id)
    see_changes(seen, accounts, account_id)
    print(json.dumps(seen, default=str))


def see_metadata(seen):
    seen["org"] = OrgOperations().get_organization().get_object().get_org()[0].get_company_name()
    users = UsersOperations().get_users(params((GetUsersParam.type, "ActiveConfirmedUsers")))
    seen["users"] = [user.get_email() for user in users.get_object().get_users()]
    seen["modules"] = [module.get_api_name() for module in ModulesOperations().get_modules().get_object().get_modules()]
    fields = FieldsOperations().get_fields(params((GetFieldsParam.module, "Deals")))
    seen["deal fields"] = [field.get_api_name() for field in fields.get_object().get_fields()]
    views = CustomViewsOperations().get_custom_views(params((GetCustomViewsParam.module, "Accounts")))
    seen["views"] = [view.get_display_value() for view in views.get_object().get_custom_views()]


def see_pages(seen, accounts):
    wanted = (GetRecordsParam.fields, "Account_Name,Owner,Annual_Revenue,Modified_Time")
    first = accounts.get_records(params(wanted, (GetRecordsParam.per_page, 30))).get_object()
    following = (GetRecordsParam.page_token, first.get_info().get_next_page_token())
    second = accounts.get_records(params(wanted, (GetRecordsParam.per_page, 30), following)).get_object()
    seen["pages"] = [len(first.get_data()), len(second.get_data()), second.get_info().get_more_records()]
    seen["owner"] = first.get_data()[0].get_key_value("Owner").get_email()


def see_people(seen, accounts):
    """An account and a contact of it, made and found again in every way there is; returns the account's id."""
    body = wrapped(new_record(Account_Name="Ørsted & Søn"), new_record(Phone="1"))
    seen["created"] = written(accounts.create_records(body))
    account_id = int(seen["created"][1][0][2])
    contacts = RecordOperations("Contacts")
    person = new_record(Last_Name="D'Arcy", First_Name="Zoë", Email="zoe@orsted.example")
    person.add_key_value("Account_Name", reference(account_id))
    seen["contact"] = written(contacts.create_records(wrapped(person)))
    contact_id = int(seen["contact"][1][0][2])
    shown = contacts.get_record(contact_id).get_object().get_data()[0]
    seen["contact shown"] = [
        shown.get_key_value("Full_Name"), shown.get_key_value("Account_Name").get_key_value("name"),
    ]  # fmt: skip

    related = RelatedRecordsOperations("Contacts", "Accounts")
    found = related.get_related_records(account_id, params((GetRelatedRecordsParam.fields, "Last_Name,Email")))
    seen["related"] = [record.get_key_value("Last_Name") for record in found.get_object().get_data()]
    found = accounts.search_records(params((SearchRecordsParam.criteria, "(Account_Name:equals:søn)")))
    seen["searched"] = [record.get_key_value("Account_Name") for record in found.get_object().get_data()]
    query = Query()
    query.set_select_query(
        f"select Last_Name, Account_Name.Account_Name from Contacts where Account_Name = {account_id}"
    )
    rows = CoqlOperations().get_records(query).get_object().get_data()
    seen["coql"] = [rows[0].get_key_value("Last_Name"), rows[0].get_key_value("Account_Name.Account_Name")]
    return account_id


def see_documents(seen, account_id):
    product = RecordOperations("Products").get_records(params((GetRecordsParam.fields, "Product_Name"))).get_object()
    line = new_record(Quantity=3.0, List_Price=10.0)
    ware = LineItemProduct()
    ware.set_id(product.get_data()[0].get_id())
    line.add_key_value("Product_Name", ware)
    quote = new_record(Subject="Offer", Valid_Till=date(2027, 1, 31), Quoted_Items=[line])
    quote.add_key_value("Account_Name", reference(account_id))
    seen["quote"] = written(RecordOperations("Quotes").create_records(wrapped(quote)))
    quoted = RecordOperations("Quotes").get_record(int(seen["quote"][1][0][2])).get_object().get_data()[0]
    seen["quote total"] = quoted.get_key_value("Grand_Total")
    seen["quote lines"] = len(quoted.get_key_value("Quoted_Items"))


def see_changes(seen, accounts, account_id):
    change = new_record(Phone="+45 55 50 0000")
    seen["updated"] = written(accounts.update_record(account_id, wrapped(change)))
    seen["upserted"] = written(accounts.upsert_records(wrapped(new_record(Account_Name="ørsted & søn"))))
    seen["deleted"] = written(accounts.delete_records(params((DeleteRecordsParam.ids, str(account_id)))))
    bin_ = accounts.get_deleted_records(params((GetDeletedRecordsParam.type, "all")))
    seen["bin"] = [record.get_display_name() for record in bin_.get_object().get_data()]
    seen["gone"] = accounts.get_record(account_id).get_status_code()
    seen["count"] = accounts.record_count().get_object().get_count()
    refused = accounts.get_records()
    seen["refused"] = [refused.get_status_code(), refused.get_object().get_code().get_value()]


if __name__ == "__main__":
    main(*sys.argv[1:])
