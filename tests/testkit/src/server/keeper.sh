# The keeper of one server: it runs beneath the test process and outlives it only to clean up.
#
# It reads orders from a pipe, a line each, and answers each with "done" and an exit status.
# When the pipe closes, for whatever reason (the test is over, has panicked, was killed), it stops
# the server and removes the folder. Nobody else can hold the pipe open: its other end belongs to
# the test process alone.
#
# $1: the folder of the server's programs   $2: the folder to use and to remove

trap '' HUP INT TERM
bin=$1
folder=$2
server=

halt() {
    if [ -n "$server" ]; then
        kill -s "$1" "$server" 2>/dev/null
        wait "$server"
        server=
    fi
}

obey() {
    case $1 in
    init)
        "$bin/initdb" -D "$folder/data" --username=postgres --auth=trust --encoding=UTF8 \
            --locale=C --no-sync
        ;;
    copy)
        cp -R "$2" "$folder/data"
        ;;
    start)
        "$bin/postgres" -D "$folder/data" &
        server=$!
        ;;
    stop)
        halt "$2"
        true
        ;;
    esac
}

while read -r order what; do
    obey "$order" "$what" </dev/null >>"$folder/server.log" 2>&1
    echo "done $?"
done
halt QUIT
rm -rf "$folder"
