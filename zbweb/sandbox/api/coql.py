"""placeholder"""
from flask import Blueprint
blueprint = Blueprint("coql", __name__)
