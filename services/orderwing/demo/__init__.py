"""The whole product in one line: servers, services, a shop, a live screen, the auditor's verdict."""
