#!/bin/sh
(while true; do echo "hello from the database" | nc -l -p 5432; done) >/dev/null 2>&1 &
