-- Key pairs are looked up by their names; an account has a name once in a region, other accounts may have it too.
CREATE INDEX key_pair_by_name ON key_pair (json_extract(document, '$.name'));
