#!/bin/bash
# Measures servers side by side: starts them all, puts the same load on one after another, round by
# round (A B C A B C …), so that whatever disturbs the machine hits all alike, and prints medians.
#
#     Benchmarks/compare.sh [MEASUREMENT…]      all of these, or those named:
#         fanout fanout10k openloop openloop500 sse poll tls idle idle-tls churn churn-tls
#
#     SERVERS="floor carillon nchan nodews"     which servers; one that is not there is skipped
#     ROUNDS=5 SECONDS_EACH=8 WARMUP=2          how long; QUICK=1: three short rounds
#     OUT=DIR                                   where the reports go
#     BUILD=DIR                                 where built programs are; without it they are built
#
# Ends only processes that it started, by their number. Loopback only.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ${QUICK:-} ]]; then
    : "${ROUNDS:=3}" "${SECONDS_EACH:=3}" "${WARMUP:=1}"
else
    : "${ROUNDS:=5}" "${SECONDS_EACH:=8}" "${WARMUP:=2}"
fi
: "${SERVERS:=floor carillon nchan nodews}"
: "${OUT:=$(mktemp -d "${TMPDIR:-/tmp}/carillon-bench.XXXXXX")}"
measurements=("$@")
if [[ ${#measurements[@]} -eq 0 ]]; then
    measurements=(fanout fanout10k openloop openloop500 sse poll tls idle idle-tls churn churn-tls)
fi
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)

if [[ ! ${BUILD:-} ]]; then
    BUILD=.build/release
    for product in floor carillon-bench carillon; do
        [[ $product == carillon && " $SERVERS " != *" carillon "* ]] && continue
        swift build -c release --product "$product" >&2
    done
fi
bench=$BUILD/carillon-bench
descriptors=$(ulimit -Hn)
ulimit -n "$descriptors"
[[ $descriptors == unlimited ]] && descriptors=1000000

declare -A pid port tls_port
work=$(mktemp -d)
# nginx, started by root, opens its logs as another user.
chmod 755 "$work"

end() {
    kill "${pid[$1]}" 2>/dev/null || true
    wait "${pid[$1]}" 2>/dev/null || true
    unset "pid[$1]"
}

stop() {
    local server
    for server in "${!pid[@]}"; do end "$server"; done
}
# The servers' own words stay with the reports.
trap 'stop; cp "$work"/*.log "$OUT"/ 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

say() { printf '%s\n' "$*" >&2; }

# Prints a TCP port that nobody uses just now, below the kernel's own range for clients. For servers
# that cannot be asked which port the kernel gave them.
free_port() {
    local candidate
    while :; do
        candidate=$((20000 + RANDOM % 12000))
        if ! (: <"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

await_port() {
    local try
    for try in {1..100}; do
        (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
        sleep 0.1
    done
    return 1
}

make_certificate() {
    [[ -e $work/cert.pem ]] && return
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
}

# start SERVER: sets pid, port and, where there is TLS, tls_port. Fails when it is not here.
start() {
    local server=$1
    port[$server]=$(free_port)
    tls_port[$server]=$(free_port)
    local plain=${port[$server]} secure=${tls_port[$server]}
    case $server in
    floor)
        [[ -x $BUILD/floor ]] || return 1
        "$BUILD/floor" --port "$plain" --threads 2 >>"$work/floor.log" 2>&1 &
        ;;
    carillon)
        "$BUILD/carillon" serve --help >/dev/null 2>&1 || return 1
        "$BUILD/carillon" serve --dev --loops 2 --listen "127.0.0.1:$plain" \
            --tls-listen "127.0.0.1:$secure" --tls-cert "$work/cert.pem" \
            --tls-key "$work/key.pem" >>"$work/carillon.log" 2>&1 &
        ;;
    nchan)
        local nginx modules
        nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || return 1
        modules=/usr/lib/nginx/modules
        [[ -e $modules/ngx_nchan_module.so ]] || return 1
        sed -e "s|@MODULES@|$modules|" -e "s|@FOLDER@|$work|" -e "s|@PORT@|$plain|" \
            -e "s|@TLS_PORT@|$secure|" -e "s|@CERT@|$work/cert.pem|" \
            -e "s|@KEY@|$work/key.pem|" -e "s|@DESCRIPTORS@|$descriptors|" \
            Benchmarks/Peers/nchan.conf.in >"$work/nchan.conf"
        "$nginx" -e "$work/error.log" -c "$work/nchan.conf" >>"$work/nchan.log" 2>&1 &
        ;;
    nodews)
        local node
        node=$(command -v /usr/bin/node || command -v nodejs || command -v node) || return 1
        [[ -d /usr/share/nodejs/ws ]] || return 1
        NODE_PATH=/usr/share/nodejs "$node" Benchmarks/Peers/ws-relay.js --port "$plain" \
            --tls-port "$secure" --cert "$work/cert.pem" --key "$work/key.pem" \
            >>"$work/nodews.log" 2>&1 &
        ;;
    *)
        say "no such server: $server"
        exit 2
        ;;
    esac
    pid[$server]=$!
    if ! await_port "$plain" || ! kill -0 "${pid[$server]}" 2>/dev/null; then
        say "$server did not start:"
        cat "$work/$server.log" >&2
        kill "${pid[$server]}" 2>/dev/null || true
        unset "pid[$server]"
        return 1
    fi
}

# The words of a measurement, without the server.
arguments() {
    local timed="--seconds $SECONDS_EACH --warmup $WARMUP"
    case $1 in
    fanout) echo "fanout --subscribers 1000 --window 8 $timed" ;;
    fanout10k) echo "fanout --subscribers 10000 --window 4 $timed" ;;
    openloop) echo "openloop --subscribers 1000 --rate 100 $timed" ;;
    openloop500) echo "openloop --subscribers 500 --rate 1000 $timed" ;;
    sse) echo "fanout --transport sse --subscribers 1000 --window 8 $timed" ;;
    ndjson) echo "fanout --transport ndjson --subscribers 1000 --window 8 $timed" ;;
    poll) echo "fanout --transport poll --subscribers 1000 --window 8 $timed" ;;
    tls) echo "fanout --tls --subscribers 1000 --window 8 $timed" ;;
    idle) echo "idle --connections 19000" ;;
    idle-tls) echo "idle --tls --connections 5000" ;;
    churn) echo "churn --seconds $SECONDS_EACH" ;;
    churn-tls) echo "churn --tls --seconds $SECONDS_EACH" ;;
    *)
        say "no such measurement: $1"
        exit 2
        ;;
    esac
}

# Whether the server has what the measurement needs.
can() {
    case $1:$2 in
    *-tls:floor | tls:floor) return 1 ;;
    # A load of its own, but beside the floor's WebSocket figure there is something to compare.
    sse:nodews | sse:floor | poll:nodews | poll:floor) return 1 ;;
    ndjson:nodews | ndjson:floor | ndjson:nchan) return 1 ;;
    esac
}

# measure MEASUREMENT SERVER ROUND
measure() {
    local -a words
    read -ra words <<<"$(arguments "$1")"
    local use=${port[$2]}
    [[ $1 == *tls ]] && use=${tls_port[$2]}
    timeout 180 "$bench" "${words[@]}" --server "$2" --port "$use" --pid "${pid[$2]}" \
        --channel "bench-$1-$3" --json "$OUT/$1.$2.$3.json" >"$OUT/$1.$2.$3.txt" 2>&1 ||
        say "  $1 on $2 failed: $(tail -n 1 "$OUT/$1.$2.$3.txt")"
}

make_certificate
servers=()
for server in $SERVERS; do
    if start "$server"; then servers+=("$server"); else say "$server is not here: skipped"; fi
done
[[ ${#servers[@]} -gt 0 ]] || exit 2

for measurement in "${measurements[@]}"; do arguments "$measurement" >/dev/null; done

for ((round = 1; round <= ROUNDS; round++)); do
    for measurement in "${measurements[@]}"; do
        # Memory does not vary from round to round.
        [[ $measurement == idle* && $round -gt 1 ]] && continue
        for server in "${servers[@]}"; do
            can "$measurement" "$server" || continue
            say "round $round/$ROUNDS: $measurement $server"
            # For idle memory, a server that has done nothing yet.
            [[ $measurement != idle* ]] || end "$server"
            [[ ${pid[$server]:-} ]] || start "$server" || exit 1
            measure "$measurement" "$server" "$round"
            if ! kill -0 "${pid[$server]}" 2>/dev/null; then
                say "  $server ended by itself; it is started again"
                end "$server"
            fi
        done
    done
done

reports=()
for measurement in "${measurements[@]}"; do
    for server in "${servers[@]}"; do
        for ((round = 1; round <= ROUNDS; round++)); do
            report=$OUT/$measurement.$server.$round.json
            [[ -e $report ]] && reports+=("$report")
        done
    done
done
[[ ${#reports[@]} -gt 0 ]] || exit 1
"$bench" table "${reports[@]}" | tee "$OUT/table.md"
say "reports: $OUT"
