/* The floor of the benchmark: what an HTTP server costs when it does almost nothing. One thread per core, each
 * with a listener of its own (SO_REUSEPORT) and a level-triggered epoll. A read brings a batch of pipelined
 * requests; each CRLFCRLF in it is one request, and one write answers them all. Nothing is parsed.
 * Usage: floor ADDR:PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { MAXFD = 20000, BUF = 65536, BATCH = 512, EVENTS = 256 };
static struct sockaddr_in addr = {.sin_family = AF_INET};
static struct { char *bytes; int len; } carry[MAXFD]; /* a head that came in parts, by fd */

static void die(const char *what) { perror(what); exit(1); }

static int render(char *out, time_t now) { /* BATCH copies of the response with this second's date */
	char date[40];
	struct tm utc;
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
	int n = sprintf(out, "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!", date);
	for (int i = 1; i < BATCH; i++) memcpy(out + i * n, out, n);
	return n;
}

/* serve answers what one read brings; false: close the connection (gone, too big, or not reading). */
static int serve(int fd, char *in, const char *answer, int size) {
	int have = carry[fd].len, requests = 0;
	if (have) memcpy(in, carry[fd].bytes, have);
	carry[fd].len = 0;
	ssize_t got = read(fd, in + have, BUF - have);
	if (got <= 0) return 0;
	char *p = in, *end = in + have + got, *hit;
	for (; (hit = memmem(p, end - p, "\r\n\r\n", 4)); p = hit + 4) requests++;
	for (int n; requests; requests -= n) {
		n = requests < BATCH ? requests : BATCH;
		if (write(fd, answer, n * size) != n * size) return 0;
	}
	if (p == end) return 1;
	if (!(carry[fd].bytes = realloc(carry[fd].bytes, end - p))) return 0;
	memcpy(carry[fd].bytes, p, carry[fd].len = end - p);
	return carry[fd].len < BUF;
}

static void *loop(void *arg) {
	static __thread char in[BUF], answer[BATCH * 160];
	int one = 1, size = 0, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), ep = epoll_create1(0);
	time_t rendered = 0;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	if (bind(listener, (struct sockaddr *)&addr, sizeof addr) || listen(listener, 4096)) die("listen");
	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
	for (struct epoll_event ev[EVENTS];;) {
		int n = epoll_wait(ep, ev, EVENTS, -1);
		if (time(NULL) != rendered) size = render(answer, rendered = time(NULL));
		for (int i = 0; i < n; i++) {
			int fd = ev[i].data.fd, c;
			if (fd != listener) {
				if (!serve(fd, in, answer, size)) carry[fd].len = 0, close(fd); /* in this order: fd is reused */
				continue;
			}
			while ((c = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
				setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
				epoll_ctl(ep, EPOLL_CTL_ADD, c, &(struct epoll_event){.events = EPOLLIN, .data.fd = c});
			}
		}
	}
	return arg;
}

int main(int argc, char **argv) {
	char *colon = argc == 2 ? strrchr(argv[1], ':') : NULL;
	if (!colon) return fprintf(stderr, "usage: floor ADDR:PORT\n"), 2;
	*colon = 0, addr.sin_port = htons(atoi(colon + 1));
	if (inet_pton(AF_INET, argv[1], &addr.sin_addr) != 1) return fprintf(stderr, "floor: bad address\n"), 2;
	pthread_t t;
	signal(SIGPIPE, SIG_IGN);
	for (long i = sysconf(_SC_NPROCESSORS_ONLN); i > 1; i--) pthread_create(&t, NULL, loop, NULL);
	loop(NULL);
}
