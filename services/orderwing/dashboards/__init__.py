"""Grafana's dashboards: described here, generated into `deploy/grafana/dashboards`, checked against a Prometheus."""
