target       = "0.2.1"
database_dsn = "postgres://soctalk_admin:change-me-please@soctalk-system-postgres:5432/soctalk"

regions = {
  eu = { domain = "eu.example.org", replica = 2 }
  us = { domain = "us.example.org" }
}
