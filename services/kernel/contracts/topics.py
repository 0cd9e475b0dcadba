"""The names of the topics; what travels on them is in `catalogue.py`."""

COMPLAINTS = "samvad.complaints.v1"
WHATSAPP_INBOUND = "samvad.whatsapp.inbound.v1"
MESSAGES = "samvad.messages.v1"
CALLS = "samvad.calls.v1"
DIRECTORY = "samvad.directory.v1"
DEAD_LETTERS = "samvad.dead-letters.v1"
