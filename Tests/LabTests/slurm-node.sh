#!/usr/bin/env bash
# Runs Slurm with one node on the loopback interface in one folder: controller, node, and its own munge. Needs root and Debian's
# slurm-wlm and munge.
#
#     slurm-node.sh start FOLDER CPUS     waits until the node accepts jobs; then SLURM_CONF=FOLDER/slurm.conf sbatch …
#     slurm-node.sh stop FOLDER
set -euo pipefail
# Foundation considers a process running as long as its inherited socket is open; the daemons would keep it open.
for descriptor in $(ls "/proc/$$/fd"); do
  if ((descriptor > 2 && descriptor != 255)); then eval "exec $descriptor>&-"; fi
done

action=$1
folder=$2

stop() {
  local name file
  for name in slurmd slurmctld munged; do
    file=$folder/$name.pid
    [[ -s "$file" ]] || continue
    kill "$(cat "$file")" 2> /dev/null || continue
    for _ in $(seq 50); do kill -0 "$(cat "$file" 2> /dev/null)" 2> /dev/null || break; sleep 0.1; done
  done
}

if [[ "$action" == stop ]]; then
  stop
  exit
fi

cpus=$3
mkdir -p "$folder"/{state,spool,munge}
# munged requires that only its user can write to the folders above its socket; TMPDIR can also be too long for a socket path.
chmod 755 "$folder" "$folder/munge"
head -c 1024 /dev/urandom > "$folder/munge/key"
chmod 400 "$folder/munge/key"
munged --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munged.pid" \
  --log-file="$folder/munged.log" --seed-file="$folder/munge/seed" --force < /dev/null >> "$folder/munged.err" 2>&1

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
cat > "$folder/slurm.conf" << CONF
ClusterName=labtest
SlurmctldHost=localhost
SlurmctldPort=$(port)
SlurmdPort=$(port)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
MinJobAge=600
KillWait=5
SchedulerParameters=sched_interval=2,batch_sched_delay=1
MailProg=/bin/true
NodeName=localhost CPUs=$cpus RealMemory=1024 State=UNKNOWN
PartitionName=work Nodes=localhost Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF
echo 'CgroupPlugin=cgroup/v1' > "$folder/cgroup.conf"
export SLURM_CONF=$folder/slurm.conf
# The daemons look for their own host name in the configuration.
start() { unshare --uts bash -c "hostname localhost && exec $1 -f '$folder/slurm.conf' $2" < /dev/null >> "$folder/$1.err" 2>&1; }
trap 'stop' ERR
start slurmctld -i
start slurmd ''
for _ in $(seq 100); do
  state=$(timeout 5 sinfo --noheader --format=%T 2> /dev/null || true)
  if [[ "$state" == idle ]]; then exit; fi
  sleep 0.1
done
echo "the node is '$state' and not idle" >&2
tail -n 5 "$folder"/*.log "$folder"/*.err >&2
stop
exit 1
