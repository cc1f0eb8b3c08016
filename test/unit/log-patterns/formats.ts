// Log lines in the manner of well-known systems, made up here: each system has a header, and
// templates with how often they come. What is in braces is made anew for each line.

export type Format = {
  readonly name: string;
  readonly header: string;
  /** `weight message`. */
  readonly messages: readonly string[];
};

export const FORMATS: readonly Format[] = [
  {
    name: "hdfs",
    header:
      "0811{d2} 20{d2}{d2} {n} {INFO|INFO|WARN} dfs.{DataNode$PacketResponder|FSNamesystem|DataNode$DataXceiver}: ",
    messages: [
      "300 PacketResponder {d1} for block blk_{sn} terminating",
      "290 BLOCK* NameSystem.addStoredBlock: blockMap updated: {ip}:{n} is added to blk_{sn} size {n}",
      "280 Received block blk_{sn} of size {n} from /{ip}",
      "260 Receiving block blk_{sn} src: /{ip}:{n} dest: /{ip}:{n}",
      "120 BLOCK* NameSystem.allocateBlock: /user/root/rand{n}/_temporary/_task_2008{n}_000{d1}_m_00{n}_0/part-00{n}. blk_{sn}",
      "90 Verification succeeded for blk_{sn}",
      "90 Deleting block blk_{sn} file /mnt/hadoop/dfs/data/current/subdir{n}/blk_{sn}",
      "80 BLOCK* NameSystem.delete: blk_{sn} is added to invalidSet of {ip}:{n}",
      "20 {ip}:{n} Served block blk_{sn} to /{ip}",
      "20 {ip}:{n}:Got exception while serving blk_{sn} to /{ip}:",
      "6 BLOCK* ask {ip}:{n} to replicate blk_{sn} to datanode(s) {iplist}",
      "4 writeBlock blk_{sn} received exception java.io.IOException: Could not read from stream",
    ],
  },
  {
    name: "hadoop",
    header:
      "2015-10-18 18:{d2}:{d2},{d3} {INFO|INFO|WARN|ERROR} [{main|AsyncDispatcher event handler|IPC Server handler {n} on {n}|RMCommunicator Allocator|ContainerLauncher #{d1}|LeaseRenewer:msrabi@msra-sa-41:9000}] org.apache.hadoop.{mapreduce.v2.app.MRAppMaster|yarn.event.AsyncDispatcher|ipc.Client|mapred.TaskAttemptListenerImpl}: ",
    messages: [
      "260 Address change detected. Old: {host}/{ip}:{n} New: {host}:{n}",
      "200 Retrying connect to server: {host}:{n}. Already tried {n} time(s); maxRetries={n}",
      "150 Failed to renew lease for [DFSClient_NONMAPREDUCE_{sn}_1] for {n} seconds.  Will retry shortly ...",
      "90 Progress of TaskAttempt attempt_{n}_00{d2}_{m|r}_000{d3}_{d1} is : {f}",
      "40 attempt_{n}_00{d2}_m_000{d3}_{d1} TaskAttempt Transitioned from NEW to UNASSIGNED",
      "40 attempt_{n}_00{d2}_r_000{d3}_{d1} TaskAttempt Transitioned from UNASSIGNED to ASSIGNED",
      "30 task_{n}_00{d2}_m_000{d3} Task Transitioned from NEW to SCHEDULED",
      "30 Before Scheduling: PendingReds:{d1} ScheduledMaps:{n} ScheduledReds:{d1} AssignedMaps:{n} CompletedMaps:{n} HostLocal:{n}",
      "20 After Scheduling: PendingReds:{d1} ScheduledMaps:{n} ScheduledReds:{d1} AssignedMaps:{n} CompletedMaps:{n} HostLocal:{n}",
      "20 Reduce slow start threshold not met. completedMapsForReduceSlowstart {d1}",
      "15 Recalculating schedule, headroom=<memory:{n}, vCores:{sn}>",
      "12 ERROR IN CONTACTING RM. ",
      "10 Registering class org.apache.hadoop.mapreduce.v2.app.job.event.{JobEventType|TaskEventType|TaskAttemptEventType|SpeculatorEventType|CommitterEventType} for class org.apache.hadoop.mapreduce.v2.app.MRAppMaster.{JobEventDispatcher|TaskEventDispatcher|SpeculatorEventDispatcher|NoopEventHandler|CommitterEventHandler}",
      "10 JVM with ID : jvm_{n}_00{d2}_m_00{d3} asked for a task",
      "8 Auth successful for job_{n}_00{d2} (auth:SIMPLE)",
      "6 Adding protocol org.apache.hadoop.mapreduce.v2.api.MRClientProtocolPB to the server",
      "6 Diagnostics report from attempt_{n}_00{d2}_m_000{d3}_0: Container killed by the ApplicationMaster.",
      "5 DataStreamer Exception",
    ],
  },
  {
    name: "spark",
    header:
      "17/06/09 20:{d2}:{d2} {INFO|INFO|INFO|WARN} {storage.BlockManager|executor.Executor|storage.MemoryStore|python.PythonRunner}: ",
    messages: [
      "200 Found block rdd_{n}_{n} locally",
      "180 Times: total = {n}, boot = {sn}, init = {n}, finish = {n}",
      "160 Running task {d1}.0 in stage {n}.0 (TID {n})",
      "150 Finished task {d1}.0 in stage {n}.0 (TID {n}). {n} bytes result sent to driver",
      "140 Got assigned task {n}",
      "120 Block broadcast_{n} stored as values in memory (estimated size {f} {B|KB|MB}, free {f} {KB|MB|GB})",
      "100 Block broadcast_{n}_piece0 stored as bytes in memory (estimated size {f} {B|KB|MB}, free {f} {KB|MB})",
      "60 Reading broadcast variable {n} took {n} ms",
      "60 Started reading broadcast variable {n}",
      "50 Input split: hdfs://{ip}:{n}/pjhe/logs/2kSOSP.log:{n}+{n}",
      "30 Partition rdd_{n}_{n} not found, computing it",
      "10 Registered signal handlers for [TERM, HUP, INT]",
      "10 Changing {view|modify} acls to: {yarn,curi|yarn}",
      "8 Saved output of task 'attempt_2017{n}_0000_m_000{d3}_{n}' to hdfs://{ip}:{n}/pjhe/test/{d1}/_temporary/0/task_{n}_m_{n}",
      "6 Removed broadcast_{n}_piece0 on {host}:{n} in memory (size: {f} KB, free: {f} GB)",
      "3 mapred.task.partition is deprecated. Instead, use mapreduce.task.partition",
    ],
  },
  {
    name: "zookeeper",
    header:
      "2015-07-{d2} 19:{d2}:{d2},{d3} - {INFO |WARN } [{QuorumPeer[myid={d1}]/0:0:0:0:0:0:0:0:2181:FastLeaderElection@{n}|NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxn@{n}|SendWorker:{n}:QuorumCnxManager$SendWorker@{n}|/{ip}:3888:QuorumCnxManager$Listener@{n}|ProcessThread(sid:{d1} cport:-1)::PrepRequestProcessor@{n}|main:QuorumPeerConfig@{n}}] - ",
    messages: [
      "300 Send worker leaving thread",
      "280 Connection broken for id {n}, my id = {d1}, error = ",
      "260 Cannot open channel to {d1} at election address /{ip}:{n}",
      "240 Received connection request /{ip}:{n}",
      "200 Interrupted while waiting for message on queue",
      "150 Interrupting SendWorker",
      "120 Closed socket connection for client /{ip}:{n} which had sessionid 0x{hex}",
      "110 Accepted socket connection from /{ip}:{n}",
      "80 Closed socket connection for client /{ip}:{n} (no session established for client)",
      "70 Client attempting to establish new session at /{ip}:{n}",
      "60 Established session 0x{hex} with negotiated timeout {n} for client /{ip}:{n}",
      "50 Notification time out: {n}",
      "40 Expiring session 0x{hex}, timeout of {n}ms exceeded",
      "30 Processed session termination for sessionid: 0x{hex}",
      "20 caught end of stream exception",
      "10 Server environment:java.io.tmpdir=/tmp",
      "10 Server environment:os.name=Linux",
      "10 Server environment:user.dir=/usr/share",
      "8 Snapshotting: 0x{hex} to /var/lib/zookeeper/version-2/snapshot.{hex}",
      "5 Notification: {d1} (n.leader), 0x{hex} (n.zxid), 0x{hex} (n.round), LOOKING (n.state), {d1} (n.sid), 0x{hex} (n.peerEPoch), LOOKING (my state)",
    ],
  },
  {
    name: "bgl",
    header:
      "{-|-|-|KERNDTLB|APPREAD} 11178{d5} 2005.06.{d2} {R{d2}-M{d1}-N{d1}-C:J{d2}-U{d2}|R{d2}-M{d1}-NC-I:J{d2}-U{d2}|R{d2}-M{d1}-L{d1}-U{d2}-C|UNKNOWN_LOCATION} 2005-06-{d2}-15.{d2}.{d2}.{d6} {R{d2}-M{d1}-N{d1}-C:J{d2}-U{d2}|UNKNOWN_LOCATION} RAS {KERNEL|APP|DISCOVERY} {INFO|FATAL|ERROR|SEVERE} ",
    messages: [
      "500 generating core.{n}",
      "200 instruction cache parity error corrected",
      "150 {n} double-hummer alignment exceptions",
      "120 CE sym {n}, at 0x{hex}, mask 0x{hex}",
      "110 data TLB error interrupt",
      "100 ciod: failed to read message prefix on control stream (CioStream socket to {ip}:{n}",
      "60 iar 00{hex} dear 00{hex}",
      "50 {n} ddr errors(s) detected and corrected on rank 0, symbol {n}, bit {d1}",
      "40 total of {n} ddr error(s) detected and corrected",
      "40 {n} floating point alignment exceptions",
      "30 {d1} tree receiver {d1} in re-synch state event(s) (dcr 0x0{hex}) detected",
      "20 ciod: Error loading /home/{user}/{user}/bin/{hex}: invalid or missing program image, No such file or directory",
      "20 ciod: LOGIN chdir({path}) failed: No such file or directory",
      "20 rts: kernel terminated for reason {n}",
      "15 r{d2}=0x{hex} r{d2}=0x{hex} r{d2}=0x{hex} r{d2}=0x{hex}",
      "10 lr:{hex} cr:{hex} xer:{hex} ctr:{hex}",
      "10 ciod: Message code {d1} is not {n} or {n}",
      "8 problem state (0=sup,1=usr).......{d1}",
      "8 floating pt ex mode {d1} enable......{d1}",
      "6 ciod: duplicate canonical-rank {n} to logical-rank {n} mapping at line {n} of node map file {path}",
      "6 Node card VPD check: missing {A|B|C|D|E|F} node, VPD ecid {hex} in processor card slot J{d2}",
      "5 ido chip status changed: FF:F2:9F:16:{d2}:{d2}:00:0D:60:E9:23:6A ip={ip} v={d1} t={d1} status=M Fri Jul 08 12:{d2}:{d2} PDT 2005",
    ],
  },
  {
    name: "hpc",
    header:
      "{n} {node-{n}|gige{d1}|node-D{d1}|Interconnect-0N0{d1}} {unix.hw|boot_cmd|node|domain|switch_module|gige} {state_change.unavailable|new|status|net.niff.up|temphigh|bcast-error} 10{d8} 1 ",
    messages: [
      "400 Component State Change: Component \\042alt{d1}\\042 is in the unavailable state (HWID={n})",
      "300 Targeting domains:node-D{d1} and nodes:node-[{d2}-{d3}] child of command {n}",
      "200 PSU status ( on on )",
      "150 ambient={d2}",
      "120 Fan speeds ( {n} {n} {n} {n} {n} {n} )",
      "100 Fan speeds ( {n} **** {n} {n} {n} {n} )|4",
      "80 Node node-{n} has detected an available network connection on network {ip} via interface alt{d1}",
      "80 Link error on broadcast tree Interconnect-0T00:00:{d1}:{d1}",
      "60 Temperature ({d2}C) exceeds warning threshold",
      "60 Linkerror event interval expired",
      "50 boot (command {n}) Error: failed on node-{n}",
      "40 ServerFileSystem: An ServerFileSystem domain panic has occurred on storage{n}",
      "30 NIFF: node node-{n} detected a failed network connection on network {ip} via interface alt{d1}",
      "20 Network connection on network {ip} via interface ee{d1} is down",
    ],
  },
  {
    name: "thunderbird",
    header:
      "- 11315{d5} 2005.11.09 {dn{n}|tbird-admin1|en{n}|aadmin1|#8#} Nov 9 12:{d2}:{d2} {dn{n}/dn{n}|local@tbird-admin1|src@aadmin1|badmin1/badmin1} ",
    messages: [
      "300 sshd[{n}]: Accepted publickey for root from ::ffff:{ip} port {n} ssh2",
      "200 crond(pam_unix)[{n}]: session opened for user root by (uid=0)",
      "200 crond(pam_unix)[{n}]: session closed for user root",
      "150 /apps/x86_64/system/ganglia-3.0.1/sbin/gmetad[{n}]: data_thread() got not answer from any [Thunderbird_{A|B|C|D}{d1}] datasource",
      "120 ib_sm.x[{n}]: [ib_sm_sweep.c:{n}]: No topology change",
      "120 crond[{n}]: (root) CMD (run-parts /etc/cron.hourly)",
      "100 dhcpd: DHCPDISCOVER from {mac} via eth{d1}",
      "100 dhcpd: DHCPDISCOVER from {mac} via eth{d1}: network A_net: no free leases",
      "60 ntpd[{n}]: synchronized to {ip}, stratum {d1}",
      "40 pbs_mom: Bad file descriptor (9) in tm_request, job {n}.{host} not running",
      "40 kernel: ACPI: PCI interrupt 0000:0{d1}:00.0[A] -> GSI {n} (level, low) -> IRQ {n}",
      "30 in.tftpd[{n}]: tftp: client does not accept options",
      "30 xinetd[{n}]: START: tftp pid={n} from={ip}",
      "30 xinetd[{n}]: EXIT: tftp pid={n} duration={n}(sec)",
      "20 kernel: scsi{d1} : SCSI host adapter emulation for {IDE|PATA} ATAPI devices|1",
      "20 sshd[{n}]: Connection closed by ::ffff:{ip}",
      "10 postfix/postdrop[{n}]: warning: unable to look up public/pickup: No such file or directory",
    ],
  },
  {
    name: "windows",
    header: "2016-09-{d2} 04:{d2}:{d2}, Info                  ",
    messages: [
      "400 CBS    Warning: Unrecognized packageExtended attribute.",
      "350 CBS    Expecting attribute name [HRESULT = 0x800f080d - CBS_E_MANIFEST_INVALID_ITEM]",
      "350 CBS    Failed to get next element [HRESULT = 0x800f080d - CBS_E_MANIFEST_INVALID_ITEM]",
      "120 CBS    Session: {n}_{n} initialized by client {WindowsUpdateAgent|SPP}.",
      "100 CBS    Read out cached package applicability for package: Package_for_KB{n}~31bf3856ad364e35~amd64~~{f}.1.{d1}, ApplicableState: {n}, CurrentState:{n}",
      "60 CSI    0000{hex}@2016/9/{d2}:20:{d2}:{d2}.{d3} WcpInitialize (wcp.dll version 0.0.0.6) called (stack @0x7fed{hex} @0x7fef{hex} @0xff83e97c)",
      "40 CBS    SQM: Failed to start upload with file pattern: C:\\Windows\\servicing\\sqm\\*_{std|all}.sqm, flags: 0x{d1} [HRESULT = 0x80004005 - E_FAIL]",
      "30 CBS    SQM: Cleaning up report files older than {d2} days.",
      "30 CBS    SQM: Requesting upload of all unsent reports.",
      "20 CBS    Loading offline registry hive: {SOFTWARE|SYSTEM|SECURITY|SAM|COMPONENTS|DEFAULT|schema.dat}, into registry key '{{uuid}}{GLOBALROOT}/Device/HarddiskVolumeShadowCopy{d1}/Windows/System32/config/{SOFTWARE|SYSTEM|SAM}' from path '\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy{d1}\\Windows\\System32\\config\\{SOFTWARE|SYSTEM}'.",
      "20 CBS    Failed to internally open package. [HRESULT = 0x800f0805 - CBS_E_INVALID_PACKAGE]",
      "20 CSI    0000{hex} IAdvancedInstallerAwareStore_ResolvePendingTransactions (call {d1}) (flags = 0000000{d1}, progress = NULL, phase = {d1}, pdwDisposition = @0x{hex}",
      "10 CBS    Starting TrustedInstaller initialization.",
      "10 CBS    Ending TrustedInstaller initialization.",
      "10 CBS    Starting TrustedInstaller finalization.",
      "10 CBS    Ending TrustedInstaller finalization.",
    ],
  },
  {
    name: "linux",
    header: "Jun {d2} 15:{d2}:{d2} combo ",
    messages: [
      "500 ftpd[{n}]: connection from {ip} ({host}) at Sat Jun {d2} 02:{d2}:{d2} 2005",
      "100 ftpd[{n}]: connection from {ip} () at Sat Jun {d2} 02:{d2}:{d2} 2005",
      "300 sshd(pam_unix)[{n}]: authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost={ip|host} ",
      "200 sshd(pam_unix)[{n}]: authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost={ip|host}  user={root|guest|test|mysql}",
      "120 sshd(pam_unix)[{n}]: check pass; user unknown",
      "100 su(pam_unix)[{n}]: session opened for user {cyrus|news|root} by (uid={n})",
      "100 su(pam_unix)[{n}]: session closed for user {cyrus|news|root}",
      "40 logrotate: ALERT exited abnormally with [1]",
      "20 {apmd|crond|gpm|cups|httpd|xinetd|ntpd|sendmail}: {crond|gpm|cups|httpd|xinetd|ntpd|sendmail|acpid} startup succeeded",
      "15 {apmd|crond|gpm|cups|httpd|xinetd|ntpd|sendmail}: {crond|gpm|cups|httpd|xinetd|ntpd|sendmail|acpid} shutdown succeeded",
      "15 syslogd 1.4.1: restart.",
      "12 kernel: {hda|hdb|hdc}: IC35L0{hex}, ATA DISK drive|1",
      "10 kernel: Memory: {n}k/{n}k available ({n}k kernel code, {n}k reserved, {n}k data)",
      "10 kernel: ACPI: Interrupt Link [LNK{A|B|C|D}] (IRQs 3 4 5 6 {n})|1",
      "10 gdm(pam_unix)[{n}]: authentication failure; logname= uid=0 euid=0 tty=:0 ruser= rhost=|1",
      "10  -- root[{n}]: ROOT LOGIN ON tty{d1}",
      "8 named[{n}]: listening on IPv4 interface {lo|eth0|eth1}, {ip}#53|1",
      "8 snmpd[{n}]: Received SNMP packet(s) from {ip}",
      "8 kernel: klogd 1.4.1, log source = /proc/kmsg started.",
      "6 sshd[{n}]: Did not receive identification string from {ip}",
    ],
  },
  {
    name: "android",
    header:
      "03-17 16:{d2}:{d2}.{d3}  {n}  {n} {D|I|V|W|E} {WindowManager|PowerManagerService|ActivityManager|PhoneStatusBar|TextView}: ",
    messages: [
      "250 printFreezingDisplayLogsopening app wtoken = AppWindowToken{{hex} token=Token{{hex} ActivityRecord{{hex} u0 com.{tencent.qt.qtl/.activity.Main|android.systemui/.Recents|sina.weibo/.Feed} t{n}}}}, allDrawn= {false|true}, startingDisplayed =  {false|true}, startingMoved =  false, isRelaunching =  {false|true}",
      '200 acquire lock={n}, flags=0x{d1}, tag="View Lock", name=com.android.systemui, ws=null, uid={n}, pid={n}',
      '200 release:lock={n}, flg=0x0, tag="View Lock", name=com.android.systemui", ws=null, uid={n}, pid={n}',
      "150 ready={true|false},policy={d1},wakefulness={d1},wksummary=0x{hex},uasummary=0x{d1},bootcompleted={true|false},boostinprogress=false,waitmodeenable=false,mode=false,manual={n},auto=-1,adj=0.0userId={n}",
      "120 Skipping AppWindowToken{{hex} token=Token{{hex} ActivityRecord{{hex} u0 com.{tencent.mm/.ui.LauncherUI|android.browser/.Tab} t{n}}}} -- going to hide",
      "100 cancelAutohide",
      "100 animateCollapsePanels:flags={d1}, force=false, delayed=false, mExpandedVisible=false",
      "90 userActivityNoUpdateLocked: eventTime={n}, event={d1}, flags=0x0, uid={n}",
      "80 setSystemUiVisibility vis={hex} mask={hex} oldVal={hex} newVal={hex} diff={hex} fullscreenStackVis={hex}, dockedStackVis={hex}, fullscreenStackBounds=Rect({n}, {n} - {n}, {n}), dockedStackBounds=Rect({n}, {n} - {n}, {n})",
      "60 visible is system.debug.usb",
      "60 visible is system.charge.show",
      "60 getRunningAppProcesses: caller {n} does not hold REAL_GET_TASKS; limiting output",
      "40 Destroying surface Surface(name=PopupWindow:{hex}) called by com.android.server.wm.WindowStateAnimator.destroySurface:{n}",
      "40 startAnimation begin",
      "40 startAnimation end",
      "30 overlay: mNotificationPanel.isExpanded={true|false}",
      "20 HBM brightnessOut ={n}",
      "20 HBM brightnessIn ={n}",
    ],
  },
  {
    name: "healthapp",
    header:
      "20171223-22:{d2}:{d2}:{d3}|{Step_LSC|Step_SPUtils|Step_StandReportReceiver|Step_ExtSDM}|3000{d4}|",
    messages: [
      "200 onStandStepChanged {n}",
      "200 onExtend:1514{n} {n} {d1} {d1}",
      "180 getTodayTotalDetailSteps = 1514{n}##{n}##{n}##{n}##{n}##{n}",
      "180 setTodayTotalDetailSteps=1514{n}##{n}##{n}##{n}##{n}##{n}",
      "150 calculateCaloriesWithCache totalCalories={n}",
      "150 calculateAltitudeWithCache totalAltitude={n}",
      "120 REPORT : {n} {n} {n} {n}",
      "100 flush sensor data",
      "80 onReceive action: android.intent.action.SCREEN_ON",
      "80 onReceive action: android.intent.action.SCREEN_OFF",
      "60 processHandleBroadcastAction action:android.intent.action.SCREEN_ON",
      "60 processHandleBroadcastAction action:android.intent.action.TIME_TICK",
      "40 screen status unknown,think screen on",
      "30  getBodyInfo: {n} {n}",
      "20 upLoadOneMinuteDataToEngine time={n},{d1},{n},{n},{d1}",
    ],
  },
  {
    name: "apache",
    header: "[Sun Dec {d2} 04:{d2}:{d2} 2005] ",
    messages: [
      "800 [notice] jk2_init() Found child {n} in scoreboard slot {n}",
      "600 [notice] workerEnv.init() ok /etc/httpd/conf/workers2.properties",
      "550 [error] mod_jk child workerEnv in error state {d1}",
      "40 [error] [client {ip}] Directory index forbidden by rule: /var/www/html/",
      "15 [error] jk2_init() Can't find child {n} in scoreboard",
      "15 [error] mod_jk child init {d1} {sn}",
    ],
  },
  {
    name: "proxifier",
    header: "[10.30 16:{d2}:{d2}] {chrome.exe|Dropbox.exe|chrome.exe *64|firefox.exe} - ",
    messages: [
      "600 {host}:{n} close, {n} bytes sent, {n} bytes received, lifetime {<1 sec|00:{d2}|00:{d2}}",
      "500 {host}:{n} open through proxy {host}:{n} HTTPS",
      "200 {host}:{n} close, {n} bytes ({f} {KB|MB}) sent, {n} bytes received, lifetime {<1 sec|{d2}:{d2}}",
      "200 {host}:{n} close, {n} bytes sent, {n} bytes ({f} KB) received, lifetime {<1 sec|{d2}:{d2}}",
      "80 {host}:{n} close, {n} bytes ({f} KB) sent, {n} bytes ({f} KB) received, lifetime {<1 sec|{d2}:{d2}}",
      "60 {host}:{n} error : Could not connect through proxy {host}:{n} - Proxy server cannot establish a connection with the target, status code {n}",
      "10 open through proxy {host}:{n} SOCKS5",
    ],
  },
  {
    name: "openssh",
    header: "Dec 10 06:{d2}:{d2} LabSZ sshd[{n}]: ",
    messages: [
      "300 Failed password for root from {ip} port {n} ssh2",
      "60 Failed password for {uucp|nobody|backup|git|mysql} from {ip} port {n} ssh2|0",
      "130 Failed password for invalid user {user} from {ip} port {n} ssh2",
      "250 Received disconnect from {ip}: 11: Bye Bye [preauth]",
      "120 pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip}  user={root|uucp}",
      "150 pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip|host} ",
      "130 pam_unix(sshd:auth): check pass; user unknown",
      "110 Invalid user {user} from {ip}",
      "110 input_userauth_request: invalid user {user} [preauth]",
      "80 reverse mapping checking getaddrinfo for {host} [{ip}] failed - POSSIBLE BREAK-IN ATTEMPT!",
      "60 Connection closed by {ip} [preauth]",
      "40 message repeated {d1} times: [ Failed password for root from {ip} port {n} ssh2]",
      "40 PAM {d1} more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip}  user=root",
      "20 Did not receive identification string from {ip}",
      "20 Disconnecting: Too many authentication failures for {root|admin} [preauth]",
      "10 error: Received disconnect from {ip}: 3: com.jcraft.jsch.JSchException: Auth fail [preauth]",
      "10 fatal: Write failed: Connection reset by peer [preauth]",
      "5 Accepted password for {fztu|jmzhu} from {ip} port {n} ssh2",
      "5 pam_unix(sshd:session): session opened for user {fztu|jmzhu} by (uid=0)",
    ],
  },
  {
    name: "openstack",
    header:
      "nova-{api|compute}.log.1.2017-05-16_13:53:08 2017-05-16 00:{d2}:{d2}.{d3} {n} {INFO|INFO|WARNING} nova.{osapi_compute.wsgi.server|compute.manager|virt.libvirt.imagecache|metadata.wsgi.server} [req-{uuid} {- - - - -|{hex}{hex} {hex}{hex} - - -}] ",
    messages: [
      '500 {ip} "GET /v2/{hex}{hex}/servers/detail HTTP/1.1" status: {n} len: {n} time: {f}',
      '150 {ip} "POST /v2/{hex}{hex}/os-server-external-events HTTP/1.1" status: {n} len: {n} time: {f}',
      '30 {ip} "DELETE /v2/{hex}{hex}/servers/{uuid} HTTP/1.1" status: {n} len: {n} time: {f}',
      "60 [instance: {uuid}] VM Started (Lifecycle Event)",
      "60 [instance: {uuid}] VM Paused (Lifecycle Event)",
      "60 [instance: {uuid}] VM Resumed (Lifecycle Event)",
      "60 [instance: {uuid}] VM Stopped (Lifecycle Event)",
      "60 image {uuid} at ({path}): checking",
      "60 image {uuid} at ({path}): in use: on this node {d1} local, {d1} on other nodes sharing this instance storage",
      "40 Active base files: {path}",
      "30 [instance: {uuid}] Took {f} seconds to build instance.",
      "30 [instance: {uuid}] Took {f} seconds to spawn the instance on the hypervisor.",
      "30 [instance: {uuid}] Total memory: {n} MB, used: {f} MB",
      "30 [instance: {uuid}] memory limit: {f} MB, free: {f} MB",
      "20 [instance: {uuid}] During sync_power_state the instance has a pending task (spawning). Skip.",
      "20 Unknown base file: {path}",
      "10 Creating event network-vif-plugged:{uuid} for instance {uuid}",
    ],
  },
  {
    name: "mac",
    header:
      "Jul  {d1} 09:{d2}:{d2} {calvisitor-10-105-{d3}-{d2}|authorMacBook-Pro|airbears2-10-142-{d3}-{d2}} ",
    messages: [
      "150 kernel[0]: ARPT: {n}.{d6}: AirPort_Brcm43xx::syncPowerState: WWEN[enabled]",
      "120 com.apple.cts[{n}]: com.apple.{suggestd.harvest|CloudKit.push|photos.sync|EscrowSecurityAlert.daily|ical.sync|mail.check}: scheduler_evaluate_activity told me to run this job; however, but the start time isn't for {n} seconds.  Ignoring.",
      "100 kernel[0]: ARPT: {n}.{d6}: wl0: setup_keepalive: interval {n}, retry_interval {n}, retry_count {n}",
      "100 kernel[0]: IOThunderboltSwitch<{d1}>(0x0)::listenerCallback - Thunderbolt HPD packet for route = 0x{d1} port = {n} unplug = {d1}",
      "90 kernel[0]: AppleCamIn::systemWakeCall - messageType = 0xE0000{d3}",
      "80 kernel[0]: en0: channel changed to {n}",
      "80 kernel[0]: RTC: PowerByCalendarDate setting ignored",
      "70 com.apple.xpc.launchd[1] (com.apple.WebKit.Networking.{UUID}[{n}]): Service exited with abnormal code: {d1}",
      "60 sharingd[{n}]: 09:{d2}:{d2}.{d3} : Starting AirDrop server for user {n} on wake",
      "60 Safari[{n}]: tcp_connection_tls_session_error_callback_imp {n} __tcp_connection_tls_session_callback_write_block_invoke.{n} error {n}",
      "50 symptomsd[{n}]: __73-[NetworkAnalyticsEngine observeValueForKeyPath:ofObject:change:context:]_block_invoke unexpected switch value {d1}",
      "50 QQ[{n}]: FA||Url||taskID[{n}] dealloc",
      "40 kernel[0]: Setting BTCoex Config: enable_2G:{d1}, profile_2g:{d1}, enable_5G:{d1}, profile_5G:{d1}",
      "40 --- last message repeated {d1} time ---",
      "30 corecaptured[{n}]: CCFile::captureLog Received Capture notice id: {n}.{d6}, reason = AuthFail:sts:5_rsn:0",
      "30 networkd[{n}]: -[NETClientConnection effectiveBundleID] using process name {apsd|QQ|mDNSResponder} as bundle ID (this is expected for daemons without bundle ID",
      "30 mDNSResponder[{n}]: mDNS_DeregisterInterface: Frequent transitions for interface en0 ({ip|v6})",
      "20 kernel[0]: hibernate image path: /var/vm/sleepimage",
      "20 kernel[0]: AirPort: Link Down on awdl0. Reason {d1} (Unspecified).",
    ],
  },
];

/** The lines, each with the number of its template. `random` gives numbers from 0 to below 1. */
export function makeLines(format: Format, count: number, random: () => number) {
  const messages = format.messages.map((text, index) => {
    const [, weight = "", message = "", label] = /^(\d+) (.*?)(?:\|(\d+))?$/.exec(text) ?? [];
    return {
      weight: Number(weight),
      message,
      label: label === undefined ? index : -Number(label) - 1,
    };
  });
  const total = messages.reduce((sum, { weight }) => sum + weight, 0);
  const lines: string[] = [];
  const labels: number[] = [];
  for (let i = 0; i < count; i += 1) {
    let at = random() * total;
    const found = messages.find(({ weight }) => {
      at -= weight;
      return at < 0;
    });
    if (found === undefined) continue;
    const own = messages.indexOf(found);
    lines.push(filled(`${format.header}${found.message}`, random));
    labels.push(found.label < 0 ? sharedLabel(found.label, own) : own);
  }
  return { lines, labels };
}

/** `|N` at the end of a message: it is the template with this number; `|1`: it is its own. */
function sharedLabel(label: number, own: number): number {
  return label === -2 ? own : -label - 1;
}

const USERS =
  "webmaster admin oracle support test guest pi ubuntu nagios ftpuser postgres deploy jenkins tomcat user minecraft zabbix hadoop student info sales chen wang marko dev teamspeak vyatta".split(
    " ",
  );
const HOSTS =
  "proxy.cse.cuhk.edu.hk safebrowsing.clients.google.com www.google.com msra-sa-41 mesos-slave ns.marryaldkfaczcz.com clients4.google.com static.vnpt.vn ppp.example.net mail.corp-a.de p3.adsl.it notify.dropbox.com 5-36.dyn.example.ru d.example.cz s-01.z.org".split(
    " ",
  );

function filled(text: string, random: () => number): string {
  let result = text;
  // From the inside out, for choices may hold others.
  for (let round = 0; round < 6; round += 1) {
    result = result.replace(/\{([^{}]+)\}/g, (whole, inner: string) => {
      if (inner === "ip|host" || inner === "ip|v6" || !inner.includes("|")) {
        return (
          made(pick(inner.split("|"), random), random) ??
          whole.replace("{", "\u0002").replace("}", "\u0003")
        );
      }
      const choice = pick(inner.split("|"), random);
      return choice;
    });
  }
  return result.replaceAll("\u0002", "{").replaceAll("\u0003", "}");
}

function made(kind: string, random: () => number): string | null {
  const below = (n: number) => Math.floor(random() * n);
  const hex = (n: number) => Array.from({ length: n }, () => below(16).toString(16)).join("");
  const digits = /^d(\d)$/.exec(kind)?.[1];
  if (digits !== undefined) return Array.from({ length: Number(digits) }, () => below(10)).join("");
  switch (kind) {
    case "n":
      return String(below(10 ** (1 + below(6))));
    case "sn":
      return String(below(2e9) - 1e9);
    case "f":
      return `${below(1000)}.${below(10)}`;
    case "hex":
      return hex(8);
    case "ip":
      return [10, below(256), below(256), below(256)].join(".");
    case "iplist":
      return Array.from(
        { length: 1 + below(3) },
        () => `10.1.${below(256)}.${below(256)}:50010`,
      ).join(" ");
    case "mac":
      return [hex(2), hex(2), hex(2), hex(2), hex(2), hex(2)].join(":");
    case "v6":
      return `FE80:0000:0000:0000:${hex(4)}:${hex(4)}:${hex(4)}:${hex(4)}`.toUpperCase();
    case "uuid":
      return `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`;
    case "UUID":
      return `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`.toUpperCase();
    case "blklist":
      return Array.from({ length: 1 + below(40) }, () => `blk_${below(2e9) - 1e9}`).join(" ");
    case "HEX":
      return hex(10).toUpperCase();
    case "user":
      return pick(USERS, random);
    case "host":
      return pick(HOSTS, random);
    case "path":
      return `/var/${pick(["lib", "home", "data"], random)}/${pick(USERS, random)}/${hex(6)}`;
    default:
      return null;
  }
}

function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)] as T;
}
