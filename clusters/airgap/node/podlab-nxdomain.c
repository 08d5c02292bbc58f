/*
 * Answers every DNS question on UDP port 53 of one address with "no such name".
 *
 * An air-gapped node has no resolver for names outside the cluster. With nobody listening, CoreDNS
 * would answer SERVFAIL, and C libraries then wait and ask again: `nc -z db 5432` would take five
 * seconds to say "bad address". On a machine with a network the answer for an unknown name is
 * NXDOMAIN, at once; so it is here.
 *
 * Usage: podlab-nxdomain ADDRESS
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
  unsigned char packet[4096];
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(53)}, peer;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);

  if (argc != 2 || inet_pton(AF_INET, argv[1], &here.sin_addr) != 1) {
    fprintf(stderr, "usage: podlab-nxdomain ADDRESS\n");
    return 2;
  }
  if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) != 0) {
    perror("podlab-nxdomain");
    return 1;
  }
  for (;;) {
    socklen_t length = sizeof peer;
    ssize_t size = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&peer, &length);
    ssize_t at = 12;

    if (size < 17 || (packet[2] & 0x80) || packet[4] != 0 || packet[5] != 1)
      continue; /* too short, an answer, or not exactly one question */
    while (at < size && packet[at] != 0)
      at += packet[at] + 1;
    at += 5; /* the root label, type and class */
    if (at > size)
      continue;
    packet[2] = 0x80 | (packet[2] & 0x79); /* an answer; opcode and "recursion desired" as asked */
    packet[3] = 0x80 | 3;                  /* recursion available; NXDOMAIN */
    memset(packet + 6, 0, 6);              /* no answer, authority or additional records */
    sendto(fd, packet, at, 0, (struct sockaddr *)&peer, length);
  }
}
