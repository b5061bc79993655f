package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// security says how send connects, as in the Collector: TLS where an authority is given, with a client's certificate where there is one.
type security struct {
	authority, name, certificate, key, token *string
}

func (s *security) register(flags *flag.FlagSet) {
	s.authority = flags.String("ca", "", "PEM of who signed the server's certificate; without it there is no TLS")
	s.name = flags.String("name", "", "name that the server's certificate must have")
	s.certificate = flags.String("cert", "", "PEM of the client's certificate")
	s.key = flags.String("key", "", "PEM of its key")
	s.token = flags.String("token", "", "bearer token of the call")
}

func (s *security) dialOptions() ([]grpc.DialOption, error) {
	if *s.authority == "" {
		return []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, nil
	}
	pem, err := os.ReadFile(*s.authority)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in -ca")
	}
	config := &tls.Config{RootCAs: roots, ServerName: *s.name, MinVersion: tls.VersionTLS12}
	if *s.certificate != "" {
		own, err := tls.LoadX509KeyPair(*s.certificate, *s.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(config))}
	if *s.token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer(*s.token)))
	}
	return options, nil
}

type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }
