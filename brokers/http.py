"""One way to call plain HTTP: urllib3 with time-outs, TLS verified, no redirects, no proxies from the air."""
