"""The OpenAPI document as a validator reads it: python openapi_document.py URL"""

import json
import sys
import urllib.request

from openapi_spec_validator import OpenAPIV31SpecValidator

document = json.load(urllib.request.urlopen(sys.argv[1] + "/openapi.json"))
assert document["openapi"].startswith("3.1"), document["openapi"]
OpenAPIV31SpecValidator(document).validate()
identifiers = [o["operationId"] for path in document["paths"].values() for o in path.values()]
assert len(identifiers) == len(set(identifiers)) > 15, identifiers
print("the document is sound")
