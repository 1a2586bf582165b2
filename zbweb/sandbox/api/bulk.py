"""placeholder"""
from flask import Blueprint
blueprint = Blueprint("bulk", __name__)
