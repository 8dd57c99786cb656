package MRA::Cert;

# Certificates for tests, ECDSA, made with the openssl command.
#
#   my $ca = MRA::Cert->new($dir);              # $dir/ca.crt, ca.key
#   $ca->issue('edge', names => ['localhost', '127.0.0.1']);
#   $ca->issue('old', expired => 1);            # ended yesterday
#   $ca->issue('wrong', names => ['other.example']);
#   MRA::Cert->new($dir, 'foreign')->issue('stranger');
#
# issue() leaves $dir/NAME.crt and NAME.key and returns both paths.

use strict;
use warnings;

use MRA::Util;


sub new {
    my ($class, $dir, $name) = @_;
    my $self = bless { dir => $dir, name => $name // 'ca' }, $class;

    $self->openssl(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256),
        qw(-nodes -days 30), '-subj', "/CN=test $self->{name}",
        '-keyout', $self->path('key'), '-out', $self->path('crt'));

    return $self;
}


sub path { "$_[0]->{dir}/" . ($_[2] // $_[0]->{name}) . ".$_[1]" }
sub file { $_[0]->path('crt') }


sub openssl {
    my ($self, @arguments) = @_;
    my $log = "$self->{dir}/openssl.txt";

    waitpid spawn($log, 'openssl', @arguments), 0;
    die "openssl @arguments:\n", slurp($log) if $?;
}


sub issue {
    my ($self, $name, %option) = @_;
    my @names = @{$option{names} // ['localhost', '127.0.0.1']};
    my ($crt, $key) = map { $self->path($_, $name) } qw(crt key);
    my $request = $self->path('csr', $name);
    my $extensions = $self->path('ext', $name);

    burp($extensions, 'subjectAltName=' . join(',', map {
        (/^[\d.]+$|:/ ? 'IP:' : 'DNS:') . $_ } @names)
        . "\nextendedKeyUsage=serverAuth,clientAuth\n");

    $self->openssl(qw(req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256),
        '-nodes', '-subj', "/CN=$names[0]", '-keyout', $key,
        '-out', $request);

    # a negative life ends in the past
    $self->openssl(qw(x509 -req -set_serial), int rand 1e9,
        '-days', $option{expired} ? -1 : 30, '-in', $request,
        '-CA', $self->path('crt'), '-CAkey', $self->path('key'),
        '-extfile', $extensions, '-out', $crt);

    chmod 0644, $key;           # read by workers as well
    return ($crt, $key);
}


1;
