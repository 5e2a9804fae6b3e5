/* A one-to-many socket that does as it is told and tells what it hears: sockets-paths COMMANDS PORT
 * ADDRESS... binds to the addresses and listens. COMMANDS is a pipe, of which each line is a call;
 * "done N" answers the Nth. What is received is a line too, messages and notifications. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <millrace/sctp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESSES_MAX = 8, WORDS_MAX = 12 };

static int fd;
static sctp_assoc_t association; /* the last that came up */
static uint16_t peer_port;

static void require(int status, const char* what) {
  if (status >= 0) return;
  printf("failed: %s: %s\n", what, strerror(errno));
  exit(1);
}

static struct sockaddr_in at(const char* text, uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, text, &address.sin_addr) == 1) return address;
  printf("failed: no address: %s\n", text);
  exit(1);
}

static int list(char** words, uint16_t port, struct sockaddr_in* addresses) {
  int count = 0;
  for (; words[count] != NULL && count < ADDRESSES_MAX; ++count)
    addresses[count] = at(words[count], port);
  return count;
}

static struct sockaddr_storage peer(const char* text) {
  struct sockaddr_storage storage = {0};
  const struct sockaddr_in address = at(text, peer_port);
  memcpy(&storage, &address, sizeof address);
  return storage;
}

static void set(int option, const void* value, socklen_t length) {
  require(setsockopt(fd, IPPROTO_SCTP, option, value, length), "setsockopt");
}

/* WORDS: connect PORT ADDRESS... */
static void connect_to(char** words) {
  struct sockaddr_in addresses[ADDRESSES_MAX];
  peer_port = (uint16_t)atoi(words[1]);
  const int count = list(words + 2, peer_port, addresses);
  require(sctp_connectx(fd, (struct sockaddr*)addresses, count, &association), "sctp_connectx");
}

/* WORDS: send TEXT CONTEXT [over ADDRESS | at_once]; or first TEXT PORT ADDRESS, which sets up an
 * association with it */
static void send_text(char** words) {
  const int begins = strcmp(words[0], "first") == 0;
  const int is_over = !begins && words[3] != NULL && strcmp(words[3], "over") == 0;
  if (begins) peer_port = (uint16_t)atoi(words[2]);
  const char* destination = begins ? words[3] : is_over ? words[4] : NULL;
  struct sctp_sndinfo info = {.snd_assoc_id = begins ? 0 : association};
  if (!begins) info.snd_context = (uint32_t)atoi(words[2]);
  if (is_over) info.snd_flags = SCTP_ADDR_OVER;
  if (!begins && words[3] != NULL && strcmp(words[3], "at_once") == 0)
    info.snd_flags = SCTP_SACK_IMMEDIATELY;
  struct iovec part = {words[1], strlen(words[1])};
  struct sockaddr_in to;
  if (destination != NULL) to = at(destination, peer_port);
  require(sctp_sendv(fd, &part, 1, destination != NULL ? (struct sockaddr*)&to : NULL,
                     destination != NULL, &info, sizeof info, SCTP_SENDV_SNDINFO, 0),
          "sctp_sendv");
}

/* WORDS: path ADDRESS MAXIMUM INTERVAL */
static void set_path(char** words) {
  struct sctp_paddrparams path = {.spp_assoc_id = association,
                                  .spp_address = peer(words[1]),
                                  .spp_pathmaxrxt = (uint16_t)atoi(words[2]),
                                  .spp_hbinterval = (uint32_t)atoi(words[3]),
                                  .spp_flags = SPP_HB_ENABLE};
  set(SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
}

/* WORDS: demand ADDRESS */
static void demand(char** words) {
  struct sctp_paddrparams path = {
      .spp_assoc_id = association, .spp_address = peer(words[1]), .spp_flags = SPP_HB_DEMAND};
  set(SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
}

/* WORDS: thresholds ADDRESS MAXIMUM POTENTIALLY_FAILED */
static void set_thresholds(char** words) {
  struct sctp_paddrthlds limits = {.spt_assoc_id = association,
                                   .spt_address = peer(words[1]),
                                   .spt_pathmaxrxt = (uint16_t)atoi(words[2]),
                                   .spt_pathpfthld = (uint16_t)atoi(words[3])};
  set(SCTP_PEER_ADDR_THLDS, &limits, sizeof limits);
}

static void set_primary(char** words) {
  struct sctp_prim primary = {.ssp_assoc_id = association, .ssp_addr = peer(words[1])};
  set(SCTP_PRIMARY_ADDR, &primary, sizeof primary);
}

static void set_exposure(char** words) {
  struct sctp_assoc_value value = {.assoc_id = association,
                                   .assoc_value = (uint32_t)atoi(words[1])};
  set(SCTP_EXPOSE_POTENTIALLY_FAILED_STATE, &value, sizeof value);
}

/* WORDS: patience MAXIMUM: of the association's retransmissions */
static void set_patience(char** words) {
  struct sctp_assocparams limits = {.sasoc_assoc_id = association,
                                    .sasoc_asocmaxrxt = (uint16_t)atoi(words[1])};
  set(SCTP_ASSOCINFO, &limits, sizeof limits);
}

static void obey(char* line) {
  static const struct {
    const char* name;
    void (*call)(char** words);
  } calls[] = {{"connect", connect_to},  {"send", send_text},      {"first", send_text},
               {"path", set_path},       {"demand", demand},       {"thresholds", set_thresholds},
               {"primary", set_primary}, {"expose", set_exposure}, {"patience", set_patience}};
  static int done = 0;
  char* words[WORDS_MAX] = {NULL};
  int count = 0;
  for (char* word = strtok(line, " \n"); word != NULL && count < WORDS_MAX - 1;
       word = strtok(NULL, " \n"))
    words[count++] = word;
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; ++i) {
    if (count == 0 || strcmp(words[0], calls[i].name) != 0) continue;
    calls[i].call(words);
    printf("done %d\n", ++done);
    return;
  }
  printf("failed: no such call\n");
  exit(1);
}

static void tell_association(const struct sctp_assoc_change* change) {
  static const char* const states[] = {"up", "lost", "restart", "shutdown", "cannot start"};
  if (change->sac_state == SCTP_COMM_UP) association = change->sac_assoc_id;
  printf("association %s%s\n", states[change->sac_state],
         change->sac_assoc_id == association ? "" : " (another)");
}

static void tell_address(const struct sctp_paddr_change* change) {
  static const char* const states[] = {"available", "unreachable", "removed",           "added",
                                       "primary",   "confirmed",   "potentially failed"};
  struct sockaddr_in address;
  memcpy(&address, &change->spc_aaddr, sizeof address);
  printf("address %s %s\n", inet_ntoa(address.sin_addr), states[change->spc_state]);
}

static void tell_error(const struct sctp_remote_error* error) {
  printf("error of cause %d:", ntohs(error->sre_error));
  for (uint32_t i = sizeof *error; i < error->sre_length; ++i)
    printf(" %02x", ((const uint8_t*)error)[i]);
  printf("\n");
}

static void tell_failure(const char* what, int flags, uint32_t context, const uint8_t* data,
                         size_t size) {
  printf("%s %s %u %.*s\n", what, flags == SCTP_DATA_SENT ? "sent" : "unsent", context, (int)size,
         (const char*)data);
}

static void tell(const union sctp_notification* said) {
  const struct sctp_send_failed* old = &said->sn_send_failed;
  switch (said->sn_header.sn_type) {
    case SCTP_ASSOC_CHANGE:
      tell_association(&said->sn_assoc_change);
      break;
    case SCTP_PEER_ADDR_CHANGE:
      tell_address(&said->sn_paddr_change);
      break;
    case SCTP_REMOTE_ERROR:
      tell_error(&said->sn_remote_error);
      break;
    case SCTP_SEND_FAILED:
      tell_failure("send failed", old->ssf_flags, old->ssf_info.sinfo_context, old->ssf_data,
                   old->ssf_length - sizeof *old);
      break;
    case SCTP_SEND_FAILED_EVENT: {
      const struct sctp_send_failed_event* event = (const struct sctp_send_failed_event*)said;
      tell_failure("send failed event", event->ssfe_flags, event->ssfe_info.snd_context,
                   event->ssfe_data, event->ssfe_length - sizeof *event);
      break;
    }
    case SCTP_SENDER_DRY_EVENT:
      printf("all is acknowledged\n");
      break;
    default:
      printf("notification %d\n", said->sn_header.sn_type);
  }
}

static void receive(void) {
  static union {
    union sctp_notification said;
    char text[65536];
  } room;
  int flags = 0;
  const int size = sctp_recvmsg(fd, &room, sizeof room, NULL, NULL, NULL, &flags);
  require(size, "sctp_recvmsg");
  if ((flags & MSG_NOTIFICATION) != 0)
    tell(&room.said);
  else
    printf("message %.*s\n", size, room.text);
}

static void begin(uint16_t port, char** words) {
  struct sockaddr_in addresses[ADDRESSES_MAX];
  const int count = list(words, port, addresses);
  fd = socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
  require(fd, "socket");
  require(sctp_bindx(fd, (struct sockaddr*)addresses, count, SCTP_BINDX_ADD_ADDR), "sctp_bindx");
  require(listen(fd, 5), "listen");
  static const uint16_t types[] = {SCTP_ASSOC_CHANGE,      SCTP_PEER_ADDR_CHANGE,
                                   SCTP_REMOTE_ERROR,      SCTP_SEND_FAILED,
                                   SCTP_SEND_FAILED_EVENT, SCTP_SENDER_DRY_EVENT};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; ++i) {
    const struct sctp_event event = {.se_type = types[i], .se_on = 1};
    set(SCTP_EVENT, &event, sizeof event);
  }
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc < 4) {
    fputs("usage: sockets-paths COMMANDS PORT ADDRESS...\n", stderr);
    return 2;
  }
  begin((uint16_t)atoi(argv[2]), argv + 3);
  const int commands = open(argv[1], O_RDWR); /* which never comes to an end */
  require(commands, argv[1]);
  printf("ready\n");
  for (;;) {
    struct pollfd both[] = {{.fd = commands, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    require(poll(both, 2, -1), "poll");
    if (both[1].revents != 0) receive();
    if (both[0].revents == 0) continue;
    char line[512]; /* one at a time: who writes waits for what is done */
    const ssize_t size = read(commands, line, sizeof line - 1);
    require((int)size, "read");
    line[size] = '\0';
    obey(line);
  }
}
