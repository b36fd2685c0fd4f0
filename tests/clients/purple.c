// A user of libpurple 2, the library of Pidgin and Finch (tests/clients/guest.rs): purple ENDPOINT JID PASSWORD
//
// What libpurple keeps is below the current directory. It has two connections and, since 2.13.0, never pipelines. It collects what it has to say
// for a second before it says it, and it asks for news no sooner either.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <purple.h>

#define PROGRAM "boshd-test"

static GMainLoop *loop;
static PurpleAccount *account;
static gboolean leaving;
static char *reason;

static void event(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void event(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("> ", stdout);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

// libpurple's debug output is the log.
static void note(const char *text) { fputs(text, stderr); }

// libpurple waits for its sockets and timers in GLib's loop.
typedef struct {
    PurpleInputFunction call;
    gpointer data;
} Watcher;

static gboolean ready(GIOChannel *channel, GIOCondition condition, gpointer data) {
    const Watcher *watcher = data;
    int which = 0;
    if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR)) which |= PURPLE_INPUT_READ;
    if (condition & (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL)) which |= PURPLE_INPUT_WRITE;
    watcher->call(watcher->data, g_io_channel_unix_get_fd(channel), which);
    return TRUE;
}

static guint watch(gint socket, PurpleInputCondition which, PurpleInputFunction call, gpointer data) {
    Watcher *watcher = g_new(Watcher, 1);
    *watcher = (Watcher){call, data};
    GIOCondition condition = 0;
    if (which & PURPLE_INPUT_READ) condition |= G_IO_IN | G_IO_HUP | G_IO_ERR;
    if (which & PURPLE_INPUT_WRITE) condition |= G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL;
    GIOChannel *channel = g_io_channel_unix_new(socket);
    const guint id = g_io_add_watch_full(channel, G_PRIORITY_DEFAULT, condition, ready, watcher, g_free);
    g_io_channel_unref(channel);
    return id;
}

static PurpleEventLoopUiOps waiting = {
    .timeout_add = g_timeout_add,
    .timeout_remove = g_source_remove,
    .input_add = watch,
    .input_remove = g_source_remove,
};

static void failed(PurpleConnection *connection, PurpleConnectionError error, const char *text) {
    (void)connection, (void)error;
    g_free(reason);
    reason = g_strdup(text);
}

static PurpleConnectionUiOps connections = {.report_disconnect_reason = failed};

static void signed_on(PurpleConnection *connection) { event("online %s", purple_connection_get_display_name(connection)); }

static void signed_off(PurpleConnection *connection) {
    (void)connection;
    if (leaving) {
        event("left");
        g_main_loop_quit(loop);
    } else {
        event("gone %s", reason != NULL ? reason : "without a reason");
    }
}

static void received(PurpleAccount *by, char *sender, char *html, PurpleConversation *in, PurpleMessageFlags flags) {
    (void)by, (void)in, (void)flags;
    char *text = purple_markup_strip_html(html);
    event("heard %s %s", sender, text);
    g_free(text);
}

static void enter(void) {
    g_clear_pointer(&reason, g_free);
    if (purple_account_get_enabled(account, PROGRAM)) {
        purple_account_connect(account);
    } else {
        purple_account_set_enabled(account, PROGRAM, TRUE);
    }
}

static void obey(const char *line) {
    char **words = g_strsplit(line, " ", 3);
    const guint count = g_strv_length(words);
    PurpleConnection *connection = purple_account_get_connection(account);
    if (count == 1 && strcmp(words[0], "enter") == 0) {
        enter();
    } else if (count == 3 && strcmp(words[0], "say") == 0 && connection != NULL) {
        char *html = g_markup_escape_text(words[2], -1);
        serv_send_im(connection, words[1], html, 0);
        g_free(html);
    } else if (count == 1 && strcmp(words[0], "leave") == 0) {
        leaving = TRUE;
        purple_account_disconnect(account);
    } else {
        fprintf(stderr, "what is %s?\n", line);
    }
    g_strfreev(words);
}

static gboolean told(GIOChannel *input, GIOCondition condition, gpointer data) {
    (void)condition, (void)data;
    char *line = NULL;
    do {
        gsize end = 0;
        const GIOStatus status = g_io_channel_read_line(input, &line, NULL, &end, NULL);
        if (status == G_IO_STATUS_AGAIN) return TRUE;
        if (status != G_IO_STATUS_NORMAL) {
            g_main_loop_quit(loop);
            return FALSE;
        }
        line[end] = '\0';
        obey(line);
        g_free(line);
    } while (g_io_channel_get_buffer_condition(input) & G_IO_IN);
    return TRUE;
}

static void begin(void) {
    char *folder = g_get_current_dir();
    purple_util_set_user_dir(folder);
    g_free(folder);
    g_set_print_handler(note);
    purple_debug_set_enabled(TRUE);
    purple_eventloop_set_ui_ops(&waiting);
    purple_connections_set_ui_ops(&connections);
    if (!purple_core_init(PROGRAM)) {
        fputs("libpurple does not begin\n", stderr);
        exit(EXIT_FAILURE);
    }
    purple_set_blist(purple_blist_new());
    // whatever NetworkManager thinks
    purple_network_force_online();
    static int handle;
    purple_signal_connect(purple_connections_get_handle(), "signed-on", &handle, PURPLE_CALLBACK(signed_on), NULL);
    purple_signal_connect(purple_connections_get_handle(), "signed-off", &handle, PURPLE_CALLBACK(signed_off), NULL);
    purple_signal_connect(purple_conversations_get_handle(), "received-im-msg", &handle, PURPLE_CALLBACK(received), NULL);
    event("version libpurple %s", purple_core_get_version());
}

static void know(const char *endpoint, const char *jid, const char *password) {
    char *name = g_strconcat(jid, "/purple", NULL);
    account = purple_account_new(name, "prpl-jabber");
    g_free(name);
    purple_account_set_password(account, password);
    purple_account_set_string(account, "bosh_url", endpoint);
    // plain HTTP is no encryption to it
    purple_account_set_string(account, "connection_security", "opportunistic_tls");
    purple_account_set_bool(account, "auth_plain_in_clear", TRUE);
    purple_accounts_add(account);
    purple_savedstatus_activate(purple_savedstatus_new(NULL, PURPLE_STATUS_AVAILABLE));
}

int main(int count, char **arguments) {
    if (count != 4) {
        fputs("usage: purple ENDPOINT JID PASSWORD\n", stderr);
        return EXIT_FAILURE;
    }
    loop = g_main_loop_new(NULL, FALSE);
    begin();
    know(arguments[1], arguments[2], arguments[3]);
    GIOChannel *input = g_io_channel_unix_new(0);
    g_io_channel_set_flags(input, G_IO_FLAG_NONBLOCK, NULL);
    g_io_add_watch(input, G_IO_IN | G_IO_HUP, told, NULL);
    g_main_loop_run(loop);
    return leaving ? EXIT_SUCCESS : EXIT_FAILURE;
}
