#!/bin/bash
# Starts the only broker of a cluster in the official image, and fences it first if it did not end in order.
#
# Without this a transaction that was open at a crash may stay open for ever (Kafka 4.3.1): the broker starts from
# metadata in which it still leads its partitions, begins to write the markers it owes, and takes partitions that are
# without a leader for a moment for deleted ones. A controller alone, for a second, sees the dead broker's session run
# out, so that the metadata from which the broker starts has no leaders yet. With several brokers the others do that.
set -euo pipefail

data=${KAFKA_LOG_DIRS:?}
seconds=30

metadata_bytes() { cat "$data"/__cluster_metadata-0/*.log | wc -c; }

fence() {
    local work line pid
    work=$(mktemp -d)
    cat >"$work/controller.properties" <<PROPERTIES
process.roles=controller
node.id=$KAFKA_NODE_ID
controller.quorum.voters=$KAFKA_CONTROLLER_QUORUM_VOTERS
controller.listener.names=CONTROLLER
listeners=CONTROLLER://:9093
listener.security.protocol.map=CONTROLLER:PLAINTEXT
log.dirs=$data
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=300
PROPERTIES
    cat >"$work/log4j2.properties" <<'PROPERTIES'
status = warn
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.controller.name = org.apache.kafka.controller
logger.controller.level = info
PROPERTIES
    exec 3< <(KAFKA_HEAP_OPTS=-Xmx256m KAFKA_LOG4J_OPTS="-Dlog4j2.configurationFile=file:$work/log4j2.properties" \
        exec /opt/kafka/bin/kafka-server-start.sh "$work/controller.properties" 2>&1)
    pid=$!
    trap 'kill "$pid" 2>/dev/null' TERM INT
    SECONDS=0
    while [ "$SECONDS" -lt "$seconds" ] && IFS= read -r -t "$seconds" line <&3; do
        case $line in *"Fencing broker $KAFKA_NODE_ID "*)
            # It says so before it is written; an idle controller writes a record every half second.
            told=$(metadata_bytes)
            while [ "$SECONDS" -lt "$seconds" ] && [ "$(metadata_bytes)" -le "$told" ]; do sleep 0.1; done
            echo "kafka.sh: broker $KAFKA_NODE_ID is fenced after ${SECONDS} s"
            break
            ;;
        esac
    done
    kill "$pid" 2>/dev/null || true
    cat <&3 >/dev/null # until it has ended
    exec 3<&-
    trap - TERM INT
    rm -rf "$work"
}

if [ -e "$data/__cluster_metadata-0" ] && [ ! -e "$data/.kafka_cleanshutdown" ]; then
    echo "kafka.sh: the broker did not end in order: fencing it before it starts"
    fence
fi
exec /etc/kafka/docker/run
