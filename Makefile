# What people type.  "make help" lists it.

SHELL = /bin/bash
MAKEFLAGS += --no-print-directory

BUILD   ?= build
NGX_SRC ?= /usr/share/nginx/src
JOBS    ?= $(shell nproc)
BENCH   ?= http sip tiers zone ban redis api balance
CC      = gcc
CLANG   ?= clang

# all paths absolute: nginx compiles from its own source directory
override BUILD   := $(abspath $(BUILD))
override NGX_SRC := $(abspath $(NGX_SRC))
export MRA_BUILD  = $(BUILD)


CC_OPT_RELEASE  = -g -O2 -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2
CC_OPT_SANITIZE = -g -O1 -fPIC -fno-omit-frame-pointer \
                  -fsanitize=address,undefined
CC_OPT_WERROR   = -Wall -Wextra -Wno-unused-parameter -Werror

LD_OPT_RELEASE  = -Wl,-z,relro -Wl,-z,now -fPIC
LD_OPT_SANITIZE = -fPIC -fsanitize=address,undefined

# nginx asks for -Werror itself; a newer compiler must not stop a user
NGX_CC_OPT = $(if $(SANITIZE),$(CC_OPT_SANITIZE),$(CC_OPT_RELEASE)) \
             $(if $(WERROR),$(CC_OPT_WERROR),-Wno-error) $(CC_OPT)
NGX_LD_OPT = $(if $(SANITIZE),$(LD_OPT_SANITIZE),$(LD_OPT_RELEASE)) $(LD_OPT)

# a full source tree has what Debian's nginx-dev leaves out
NGX_FULL := $(wildcard $(NGX_SRC)/src/core/nginx.c)

NGX_FLAGS_FULL = --prefix=$(BUILD)/prefix --error-log-path=stderr \
    --with-compat --with-debug --with-threads --with-pcre-jit \
    --with-http_ssl_module --with-http_v2_module --with-http_realip_module \
    --with-http_auth_request_module --with-http_stub_status_module \
    --with-stream_realip_module --with-stream_ssl_preread_module

ADD_MODULE = --add-dynamic-module

PARALLEL = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

# V=1 tells what is compiled
Q        = $(if $(V),,@)
NGX_MAKE = $(MAKE) $(PARALLEL) $(if $(V),,-s)


.DEFAULT_GOAL = modules
.PHONY: help modules nginx static demo demo-cluster demo-failover deb
.PHONY: clean FORCE
.PHONY: bench bench-http bench-sip bench-tiers bench-zone bench-ban
.PHONY: bench-redis bench-api bench-balance simulate

help:           ## this list
	@echo 'make [target] [BUILD=dir] [NGX_SRC=dir] [WERROR=1] [SANITIZE=1] [V=1]'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) \
	    | while IFS=$$'\t' read -r t d; do printf '  %-13s %s\n' "$$t" "$$d"; \
	    done
	@echo
	@echo 'BUILD    where objects and modules go, default build/'
	@echo 'NGX_SRC  nginx to build for, default $(NGX_SRC) (nginx-dev)'


modules: $(BUILD)/Makefile  ## the three dynamic modules (the default)
	@echo "making the modules in $(BUILD)"
	@$(NGX_MAKE) -f $(BUILD)/Makefile -C $(BUILD)/src modules

nginx: $(BUILD)/Makefile    ## nginx itself and the modules; needs NGX_SRC
	$(if $(NGX_FULL),,$(error set NGX_SRC to a full nginx source tree))
	@$(NGX_MAKE) -f $(BUILD)/Makefile -C $(BUILD)/src binary modules

static:         ## nginx with the modules linked in; needs NGX_SRC
	$(if $(NGX_FULL),,$(error set NGX_SRC to a full nginx source tree))
	@$(MAKE) $(BUILD)/static/Makefile BUILD=$(BUILD)/static \
	    ADD_MODULE=--add-module
	@$(NGX_MAKE) -f $(BUILD)/static/Makefile -C $(BUILD)/static/src binary


demo:           ## install what is missing, start an edge to try
	@.ci/install demo
	@$(MAKE) modules
	@conf-examples/demo.sh $(BUILD)

demo-cluster:   ## the same for two nodes with one Redis
	@.ci/install demo-cluster
	@$(MAKE) modules
	@conf-examples/redis/demo.sh $(BUILD)

demo-failover:  ## two tiers of two nodes each, killed one after another
	@.ci/install demo-failover
	@$(MAKE) modules
	@conf-examples/two-tiers/demo.sh $(BUILD)

bench:          ## what it costs; BENCH=http or another one: that
	@.ci/install bench
	@$(MAKE) modules
	@for name in $(BENCH); do $(MAKE) bench-$$name || exit 1; done

bench-http:
	@BUILD=$(BUILD) bench/http.sh

bench-sip:
	@PARTS="$${PARTS:-register call stun crlf connect}" BUILD=$(BUILD) \
	    bench/sip.sh -r 25

bench-tiers:
	@BUILD=$(BUILD) bench/tiers.pl

bench-zone:
	@BUILD=$(BUILD) bench/zone.pl

bench-ban:
	@BUILD=$(BUILD) bench/ban.pl

bench-redis:
	@BUILD=$(BUILD) bench/redis.sh

bench-api:
	@BUILD=$(BUILD) bench/api.pl

bench-balance simulate: modules
	@BUILD=$(BUILD) bench/simulate.sh $(SIMULATE)


deb:            ## Debian package in BUILD/deb, checked by lintian
	@.ci/install deb
	@rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb/src
	@tar c --exclude-vcs --exclude='./build-*' \
	    --exclude='.$(patsubst $(CURDIR)%,%,$(BUILD))' . \
	    | tar x -C $(BUILD)/deb/src
	@cd $(BUILD)/deb/src \
	    && env -u MAKEFLAGS dpkg-buildpackage -us -uc -b \
	        > ../build.log 2>&1 || { tail -20 ../build.log; exit 1; }
	@lintian $(if $(filter 0,$(shell id -u)),--allow-root) -I --pedantic \
	    --fail-on error,warning,info,pedantic $(BUILD)/deb/*.changes
	@ls $(BUILD)/deb/libnginx-mod-mra_*.deb


# a tree of links, because configure wants to write where it runs

$(BUILD)/Makefile: config $(BUILD)/flags \
    ngx_mra_http/ngx_http_mra_status_page.html
	@rm -rf $(BUILD)/src && mkdir -p $(BUILD)/src
	@ln -sfn $(NGX_SRC)/* $(BUILD)/src/
	@cd $(BUILD)/src && rm -f Makefile \
	    && configure=$$(ls configure auto/configure 2>/dev/null | head -1) \
	    && if [ -n "$(NGX_FULL)" ]; then \
	           NGX_CONF_FLAGS=($(NGX_FLAGS_FULL)); \
	       else \
	           . ./conf_flags; \
	       fi \
	    && sh $${configure:?nginx source not found in $(NGX_SRC)} \
	        --with-cc='$(CC)' \
	        --with-cc-opt='$(strip $(NGX_CC_OPT))' \
	        --with-ld-opt='$(strip $(NGX_LD_OPT))' \
	        "$${NGX_CONF_FLAGS[@]}" --with-stream --with-stream_ssl_module \
	        $(ADD_MODULE)=$(CURDIR) --builddir=$(BUILD) \
	        > $(BUILD)/configure.log 2>&1 \
	    || { tail -20 $(BUILD)/configure.log; exit 1; }

$(BUILD)/flags: FORCE
	@mkdir -p $(BUILD)
	@echo '$(NGX_SRC) $(CC) $(NGX_CC_OPT) $(NGX_LD_OPT) $(ADD_MODULE)' \
	    | cmp -s - $@ \
	    || echo '$(NGX_SRC) $(CC) $(NGX_CC_OPT) $(NGX_LD_OPT) $(ADD_MODULE)' > $@

clean:          ## remove the build directory
	rm -rf $(BUILD)


include t/Makefile
