package Test::Nginx::Socket;

# Runs data-driven tests in the format of Test::Nginx where that is not
# installed: the same files pass, with the same number of tests, under both.
# This one knows only what our files use:
#
#   main_config http_config config post_main_config user_files init
#   request (string, eval, array of requests, each a string or an array of
#   packets) pipelined_requests raw_request raw_request_middle_delay
#   more_headers timeout wait abort
#   error_code error_code_like response_headers response_headers_like
#   raw_response_headers_like raw_response_headers_unlike
#   response_body response_body_like response_body_unlike ignore_response
#   error_log no_error_log grep_error_log grep_error_log_out
#   access_log no_access_log must_die skip_eval skip_nginx log_level
#   and ONLY, SKIP, LAST of Test::Base
#
# It stops at a section of Test::Nginx that it does not know.  An alert or a
# sanitizer's report that no section expects is a failed test.

use strict;
use warnings;

use Test::Base -Base;
use Test::Nginx::Util;
use Time::HiRes qw(sleep);

our @EXPORT = (qw(plan run_tests add_block_preprocessor
    add_response_body_check add_cleanup_handler no_long_string
    check_accum_error_log repeat_each timeout no_shuffle bail_out),
    @Test::Nginx::Util::SETTINGS);

my @UNKNOWN = qw(curl curl_options http2 http3 tcp_listen tcp_reply
    tcp_query udp_listen udp_reply stap stap_out shutdown reload_fails
    shutdown_error_log no_shutdown_error_log response_body_filters
    response_body_json_sort http09 charset skip_nginx2 todo todo_nginx
    request_eval response_body_eval server_addr_for_client);

my (@preprocessors, @body_checks, @cleanups);
my ($repeat, $timeout, $accumulate) = (1, $ENV{TEST_NGINX_TIMEOUT} || 3, 0);
my $server;


# settings

sub add_block_preprocessor(&) { unshift @preprocessors, shift }
sub add_response_body_check($) { push @body_checks, shift }
sub add_cleanup_handler($) { unshift @cleanups, shift }

sub no_long_string() { }
sub no_shuffle() { }
sub check_accum_error_log() { $accumulate = 1 }

sub repeat_each(@) { $repeat = shift if @_; return $repeat }
sub timeout(@) { $timeout = shift if @_; return $timeout }

# ends this file; BAIL_OUT would end the others as well

sub bail_out(@) { $server->stop if $server; die "@_\n" }


# blocks

sub run_tests() {
    $server = Test::Nginx::Util->new;

    for my $block (Test::Base::blocks()) {
        $_->($block) for @preprocessors;
        run_block($block) unless defined $block->SKIP;
    }

    $_->() for @cleanups;
    $server->stop;
}


sub run_block($) {
    my ($block) = @_;
    my ($count, $reason) = skipped($block);

    for my $section (@UNKNOWN) {
        bail_out($block->name, " - section $section is not supported")
            if defined $block->$section;
    }

    if ($count) {
        for (1 .. $repeat) {
            SKIP: { Test::More::skip($block->name . " - $reason", $count) }
        }

        return;
    }

    return run_dying($block) if defined $block->must_die;

    $server->start($block);
    evaluate($block, 'init');

    for my $turn (0 .. $repeat - 1) {
        $server->write_user_files($block) if $turn;
        run_requests($block, $turn);
    }

    check_log_lines($block, 'no surprise in the log', $server->surprises);
}


sub evaluate($$) {
    my ($block, $section) = @_;

    if (defined $block->$section) {
        eval $block->$section;
        bail_out($block->name, " - $section failed: $@") if $@;
    }
}


sub skipped($) {
    my ($block) = @_;

    if (defined(my $text = $block->skip_eval)) {
        my ($count, $code) = $text =~ /^\s*(\d+)\s*:\s*(.*)/s
            or bail_out($block->name, ' - bad skip_eval');
        my $skip = eval $code;
        bail_out($block->name, " - skip_eval failed: $@") if $@;
        return ($count, 'skip_eval') if $skip;
    }

    if (defined(my $text = $block->skip_nginx)) {
        my ($count, $op, $wanted) = $text =~ /^\s*(\d+)\s*:\s*([<>]=?)\s*
            ([\d.]+)/x or bail_out($block->name, ' - bad skip_nginx');
        my $order = version->parse($server->version)
            <=> version->parse($wanted);
        return ($count, "nginx version $op $wanted")
            if $op =~ /=/ && $order == 0 || $op =~ /</ && $order < 0
                || $op =~ />/ && $order > 0;
    }

    return;
}


sub run_dying($) {
    my ($block) = @_;
    my $name = $block->name;

    for my $turn (0 .. $repeat - 1) {
        my $code = $server->die_at_start($block);

        if ($block->must_die =~ /^\s*(\d+)\s*$/) {
            Test::More::is($code, $1, "$name - exit code");

        } else {
            Test::More::isnt($code, 0, "$name - dies");
        }

        check_error_log($block, $turn);
    }
}


# requests

sub run_requests($$) {
    my ($block, $turn) = @_;
    my @requests = requests($block);
    my @raw;

    for my $request (@requests) {
        my ($bytes, $timed_out) = $server->exchange($request,
            seconds($block->timeout) // $timeout,
            $block->raw_request_middle_delay);

        Test::More::fail($block->name . ' - client timed out')
            if $timed_out && !defined $block->abort;

        my $head = join('', map { $_->{value} } @$request) =~ /^\s*HEAD /;
        my $count = @{$block->pipelined_requests || [1]};

        for my $i (1 .. $count) {
            my $response = parse_response($bytes, $head);
            $bytes = $response->{rest};

            check_response($block, $response, scalar(@raw), $turn,
                @requests > 1 || $count > 1);
            push @raw, 1;

            sleep $block->wait if $block->wait;
            check_error_log($block, $turn);
            check_access_log($block, $turn);
        }
    }
}


sub seconds($) {
    my ($text) = @_;
    return unless defined $text;
    return $text =~ /^([\d.]+)\s*ms/ ? $1 / 1000 : $text =~ /^([\d.]+)/;
}


# a list of requests, each a list of { value, delay_before }

sub requests($) {
    my ($block) = @_;
    my $raw = $block->raw_request;

    if (defined $raw) {
        return [map { { value => $_ } } ref $raw ? @$raw : $raw];
    }

    if (my $list = $block->pipelined_requests) {
        my $bytes = join '', map {
            build($block, $_, [$list->[$_]], $_ == $#$list ? 'close'
                : 'keep-alive')->[0]{value} } 0 .. $#$list;
        return [{ value => $bytes }];
    }

    my $request = $block->request;
    bail_out($block->name, ' - request empty') unless defined $request;

    my @list = ref $request ? @$request : $request;

    return map { build($block, $_, ref $list[$_] ? $list[$_] : [$list[$_]],
        'close') } 0 .. $#list;
}


# completes the request line, puts the headers after it, and cuts the whole
# where the packets were cut

sub build($$$$) {
    my ($block, $i, $packets, $connection) = @_;
    my @packets = map { ref $_ ? { %$_ } : { value => $_ } } @$packets;
    my $more = $block->more_headers // '';
    $more = $more->[$i] // bail_out("more_headers lacks request $i")
        if ref $more;

    $packets[0]{value} =~ s/^(?:\s*\#[^\n]*\n|\s+)+//;

    my $text = $server->expand(join '', map { $_->{value} } @packets);
    my ($line, $body) = $text =~ /^([^\n]*)\n?(.*)/s;
    my ($method, $uri, $version) = split ' ', $line;

    my @headers = map { my ($name, $value) = split /:\s*/, $_, 2;
        "$name: " . ($value // '') } grep { !/^\s*\#/ } split /\n+/, $more;

    $body =~ s/^\s+|\s+$//g;
    unshift @headers, "Connection: $connection"
        unless grep { /^Connection/i } @headers;
    unshift @headers, 'Host: localhost' unless grep { /^Host:/i } @headers;
    push @headers, 'Content-Length: ' . length $body
        if length $body
            && !grep { /^(?:Content-Length:|Transfer-Encoding: chunked)/i }
                @headers;

    my $head = join "\r\n", join(' ', $method, $uri // '/',
        $version // 'HTTP/1.1'), @headers, '', '';
    my ($from, $end) = (0, 0);

    for my $packet (@packets) {
        $end += length $packet->{value};

        my $cut = $packet == $packets[-1] ? length $head . $body
            : $end <= length $line ? $end
            : $end - length($line) - 1 + length $head;

        $packet->{value} = substr $head . $body, $from, $cut - $from;
        $from = $cut;
    }

    return \@packets;
}


# responses

sub parse_response($$) {
    my ($bytes, $head) = @_;
    my ($raw, $rest) = ($bytes // '') =~ /^(.*?\r\n)\r\n(.*)/s
        or return { code => '', raw => '', headers => {}, body => '',
            rest => '' };

    my ($line, @lines) = split /\r\n/, $raw;
    my ($code) = $line =~ m{^HTTP/\d\.\d (\d+)};
    my %headers;

    for (@lines) {
        my ($name, $value) = /^([^:]+):\s*(.*?)\s*$/ or next;
        push @{$headers{lc $name}}, $value;
    }

    my %response = (code => $code // '', raw => $raw, headers => \%headers,
        body => $rest, rest => '');

    if ($head || $response{code} =~ /^(?:304|101|204)$/) {
        @response{qw(body rest)} = ('', $rest);

    } elsif (($headers{'transfer-encoding'} || [''])->[0] eq 'chunked') {
        $response{body} = unchunk(\$rest);
        $response{rest} = $rest;

    } elsif (my $length = $headers{'content-length'}) {
        $response{body} = substr $rest, 0, $length->[0], '';
        $response{rest} = $rest;
    }

    return \%response;
}


sub unchunk($) {
    my ($in) = @_;
    my $body = '';

    while ($$in =~ s/^([0-9a-f]+)[ \t]*\r\n//i) {
        my $size = hex $1;
        $body .= substr $$in, 0, $size, '' if $size;
        $$in =~ s/^\r\n// or last;
        return $body if $size == 0;
    }

    Test::More::fail('chunked body is broken');
    return $body;
}


sub expected($$$$) {
    my ($block, $section, $i, $many) = @_;
    my $value = $block->$section;

    bail_out($block->name, " - $section must be an array")
        if $many && ref $value ne 'ARRAY';

    return ref $value eq 'ARRAY' ? $value->[$i] : $value;
}


# "Name: value" or "! Name" a line

sub header_lines($) {
    my %wanted;

    for (grep { /\S/ } split /\n/, shift // '') {
        s/^\s+|\s+$//g;

        if (s/^!\s*//) {
            $wanted{$_} = undef;

        } else {
            my ($name, $value) = split /\s*:\s*/, $_, 2;
            $wanted{$name} = $value;
        }
    }

    return \%wanted;
}


sub check_response($$$$$) {
    my ($block, $r, $i, $turn, $many) = @_;
    my $name = $block->name;

    return if defined $block->ignore_response;

    my $value = sub { expected($block, shift, $i, $many) };

    if (defined $block->error_code_like) {
        my $pattern = $value->('error_code_like');
        Test::More::like($r->{code}, qr/$pattern/sm, "$name - status");

    } else {
        my $code = defined $block->error_code ? $value->('error_code') : 200;
        Test::More::is($r->{code}, $code, "$name - status");
    }

    if (defined $block->raw_response_headers_like) {
        my $pattern = $value->('raw_response_headers_like');
        Test::More::like($r->{raw}, qr/$pattern/s, "$name - raw headers");
    }

    if (defined $block->raw_response_headers_unlike) {
        my $pattern = $value->('raw_response_headers_unlike');
        Test::More::unlike($r->{raw}, qr/$pattern/s, "$name - raw headers");
    }

    check_headers($block, $r, $value);

    if (defined $block->response_body) {
        my $body = $value->('response_body');

        if (ref $body) {
            Test::More::like($r->{body}, $body, "$name - body");

        } else {
            Test::More::is($r->{body}, $server->expand($body),
                "$name - body");
        }

    } elsif (defined $block->response_body_like) {
        my $pattern = $value->('response_body_like');
        Test::More::like($r->{body}, qr/$pattern/s, "$name - body");

    } elsif (defined $block->response_body_unlike) {
        my $pattern = $value->('response_body_unlike');
        Test::More::unlike($r->{body}, qr/$pattern/s, "$name - body");
    }

    $_->($block, $r->{body}, $i, $turn, 0) for @body_checks;
}


sub check_headers($$$) {
    my ($block, $r, $value) = @_;
    my $like = !defined $block->response_headers;
    my $section = 'response_headers' . ($like ? '_like' : '');

    return unless defined $block->$section;

    my $wanted = header_lines($value->($section));

    for my $header (sort keys %$wanted) {
        my $name = $block->name . " - header $header";
        my $expected = $wanted->{$header};
        my $got = join ', ', @{$r->{headers}{lc $header} || []};

        if (!defined $expected) {
            Test::More::unlike($r->{raw}, qr/^\s*\Q$header\E\s*:/m, $name);

        } elsif ($like) {
            Test::More::like($got, qr/^$expected$/, $name);

        } else {
            $expected = $server->expand($expected);
            Test::More::is($got, $expected, $name);
        }
    }
}


# logs

sub patterns($) {
    my ($section) = @_;
    return ref $section eq 'ARRAY' ? grep { defined } @$section
        : ref $section ? $section : split /\n+/, $section;
}


sub matches($$) {
    my ($pattern, $line) = @_;
    return ref $pattern ? $line =~ $pattern : index($line, $pattern) >= 0;
}


sub check_lines($$$$) {
    my ($block, $kind, $lines, $turn) = @_;
    my ($yes, $no) = ("${kind}_log", "no_${kind}_log");

    for my $pattern (defined $block->$yes ? patterns($block->$yes) : ()) {
        Test::More::ok(scalar(grep { matches($pattern, $_) } @$lines),
            $block->name . " - $yes has \"$pattern\" ($turn)");
    }

    for my $pattern (defined $block->$no ? patterns($block->$no) : ()) {
        check_log_lines($block, "$yes has no \"$pattern\" ($turn)",
            [grep { matches($pattern, $_) } @$lines], 1);
    }
}


# a test only where something is found, or where one is due

sub check_log_lines($$$;$) {
    my ($block, $what, $found, $due) = @_;
    return unless @$found || $due;

    Test::More::ok(!@$found, $block->name . " - $what");
    Test::More::diag($_) for @$found;
}


sub check_error_log($$) {
    my ($block, $turn) = @_;
    my $lines = $server->error_lines($accumulate);

    if (defined(my $grep = $block->grep_error_log)) {
        my $out = $block->grep_error_log_out // bail_out($block->name,
            ' - grep_error_log without grep_error_log_out');
        $grep = $grep->[$turn] if ref $grep eq 'ARRAY';
        $out = $out->[$turn] if ref $out eq 'ARRAY';

        my $pattern = ref $grep ? $grep : quotemeta $grep;
        my $got = join '', map { /($pattern)/ ? "$1\n" : () } @$lines;

        ref $out ? Test::More::like($got, $out, $block->name . ' - grep')
                 : Test::More::is($got, $out, $block->name . ' - grep');
    }

    check_lines($block, 'error', $lines, $turn);
}


sub check_access_log($$) {
    my ($block, $turn) = @_;

    return if defined $block->ignore_response;
    return unless defined $block->access_log
        || defined $block->no_access_log;

    check_lines($block, 'access', $server->access_lines, $turn);
}


1;
