package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// serviceCIDR is the range of the Services' addresses; its first address is
// the API server's own Service.
const (
	serviceCIDR = "10.96.0.0/16"
	apiService  = "10.96.0.1"
)

// keys is what proves who is who in one sandbox.
type keys struct {
	ca         []byte // PEM
	caFile     string
	certFile   string // the API server's
	keyFile    string
	saKeyFile  string // signs the tokens of ServiceAccounts
	tokensFile string
	token      string // cluster-admin
}

// makeKeys writes new keys into dir.
func makeKeys(dir string) (*keys, error) {
	k := &keys{
		caFile:     filepath.Join(dir, "ca.crt"),
		certFile:   filepath.Join(dir, "apiserver.crt"),
		keyFile:    filepath.Join(dir, "apiserver.key"),
		saKeyFile:  filepath.Join(dir, "serviceaccounts.key"),
		tokensFile: filepath.Join(dir, "tokens.csv"),
	}
	if err := k.makeCertificates(); err != nil {
		return nil, fmt.Errorf("make the API server's certificate: %w", err)
	}
	saKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of the ServiceAccounts: %w", err)
	}
	if err := writeKey(k.saKeyFile, saKey); err != nil {
		return nil, fmt.Errorf("make the key of the ServiceAccounts: %w", err)
	}
	secret := make([]byte, 16)
	_, _ = rand.Read(secret) // never fails
	k.token = hex.EncodeToString(secret)
	line := k.token + `,sandbox-admin,sandbox-admin,"system:masters"` + "\n"
	if err := os.WriteFile(k.tokensFile, []byte(line), 0o600); err != nil {
		return nil, fmt.Errorf("write the API server's tokens: %w", err)
	}
	return k, nil
}

func (k *keys) makeCertificates() error {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := certificate(1, "soctalk-sandbox-ca")
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage |= x509.KeyUsageCertSign
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	server := certificate(2, "kube-apiserver")
	// The API server is a client of the kubelet of a real node.
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	server.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(apiService)}
	der, err := x509.CreateCertificate(rand.Reader, server, ca, key.Public(), caKey)
	if err != nil {
		return err
	}
	k.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	if err := os.WriteFile(k.caFile, k.ca, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(k.certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return err
	}
	return writeKey(k.keyFile, key)
}

func certificate(serial int64, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}
