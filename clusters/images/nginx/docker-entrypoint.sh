#!/bin/sh
# nginx in the foreground. Where a Pod's only user id is shown as 0 (the embedded cluster without root), its workers
# cannot become another user, so they stay what they are.
user=
if [ "$(id -u)" = 0 ]; then
    user="user root root;"
fi
exec nginx -p /etc/nginx -e stderr -c /etc/nginx/nginx.conf -g "daemon off; $user" "$@"
