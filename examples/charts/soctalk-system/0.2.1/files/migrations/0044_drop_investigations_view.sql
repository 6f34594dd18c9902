DROP VIEW investigations;
