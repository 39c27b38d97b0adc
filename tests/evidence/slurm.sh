#!/bin/sh
# Runs testdata/pipeline/sensitivity.sbatch under a real Slurm of one node, and compares the table that its four array
# tasks and the dependent merge make with that of one run without Slurm. Takes a minute.
#
#   apt-get install slurmctld slurmd slurm-client munge
#   tests/evidence/slurm.sh
#
# Everything lies in a temporary folder: configuration, munge key, state, logs. The daemons run as the user who starts the
# script, on ports of their own, and are stopped at the end; a Slurm that is installed otherwise is not touched. Needs
# Debian 12's Slurm 22.05 or later, and deno on the PATH.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
for program in munged slurmctld slurmd sbatch squeue deno; do
  if ! PATH=$PATH:/usr/sbin command -v "$program" > /dev/null; then
    echo "slurm.sh: there is no $program on the PATH; install slurmctld, slurmd, slurm-client, munge and deno" >&2
    exit 2
  fi
done
PATH=$PATH:/usr/sbin

folder=$(mktemp -d "${TMPDIR:-/tmp}/dyad-slurm.XXXXXX")
munged_pid='' slurmctld_pid='' slurmd_pid=''
finish() {
  status=$?
  trap - EXIT INT TERM
  for pid in $slurmd_pid $slurmctld_pid $munged_pid; do kill "$pid" 2> /dev/null || true; done
  wait
  if [ $status -ne 0 ]; then tail -n 5 "$folder"/*.log "$folder"/jobs/*.log >&2 2> /dev/null || true; fi
  rm -rf "$folder"
  exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

# munge, by which the daemons know each other.
umask 077
mkdir "$folder/munge" "$folder/state" "$folder/spool" "$folder/jobs"
dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 2> /dev/null
munged --foreground --force --key-file "$folder/munge/key" --socket "$folder/munge/socket" \
  --pid-file "$folder/munge/pid" --seed-file "$folder/munge/seed" --log-file "$folder/munge/log" 2> "$folder/munged.log" &
munged_pid=$!

# One node that takes four tasks at a time, whatever it has. Process groups instead of cgroups: needs no privileges.
user=$(id -un)
host=$(hostname -s)
export SLURM_CONF="$folder/slurm.conf"
cat > "$SLURM_CONF" << CONFIGURATION
ClusterName=dyad
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
MailProg=/bin/true
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 RealMemory=8192 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONFIGURATION
slurmctld -D 2> "$folder/slurmctld.log" &
slurmctld_pid=$!
slurmd -D 2> "$folder/slurmd.log" &
slurmd_pid=$!

# wait_for SECONDS COMMAND: until the command succeeds.
wait_for() {
  left=$(($1 * 5))
  shift
  until "$@" > /dev/null 2>&1; do
    left=$((left - 1))
    if [ $left -le 0 ]; then echo "slurm.sh: waited in vain for: $*" >&2; exit 1; fi
    sleep 0.2
  done
}
is_idle() { [ "$(sinfo --noheader --format=%t)" = idle ]; }
wait_for 60 is_idle

cd "$folder/jobs"
export DYAD="deno run -R -W $root/cli/main.ts --quiet"
export MODEL="$root/testdata/models/mobile.onnx" DATA="$root/testdata/data/calib/images.npy"
export CALIBRATION=mobile.calibration.json TABLE=mobile.sensitivity.json
export FLAGS="--labels $root/testdata/data/calib/labels.npy --limit 64 --candidates 8/8,4/4"
$DYAD calibrate "$MODEL" --data "$DATA" --mean 0.286 --std 0.353 --limit 16 --method min-max -o "$CALIBRATION"

script="$root/testdata/pipeline/sensitivity.sbatch"
job=$(sbatch --parsable "$script")
merge=$(sbatch --parsable --array=1 --dependency=afterok:"$job" "$script" merge)
has_ended() { [ -z "$(squeue --noheader --jobs="$job,$merge" 2> /dev/null)" ]; }
wait_for 300 has_ended
scontrol --oneliner show job "$job" | sed 's/.*ArrayTaskId=\([0-9]*\).*JobState=\([A-Z]*\).*/task \1: \2/'
scontrol --oneliner show job "$merge" | sed 's/.*JobState=\([A-Z]*\).*/merge: \1/'

$DYAD sensitivity "$MODEL" --calibration "$CALIBRATION" --data "$DATA" $FLAGS -o whole.json
sha256sum "$TABLE" whole.json
cmp "$TABLE" whole.json
ls ./*of4.json
echo "the table of four Slurm tasks and a merge is that of one run"
