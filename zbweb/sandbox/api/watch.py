"""placeholder"""
from flask import Blueprint
blueprint = Blueprint("watch", __name__)
