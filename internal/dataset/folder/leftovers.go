// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package folder

import (
	"strings"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// systemNames are what operating systems, file servers and tools leave on the
// volumes and in the archives that they touch, in lower case.
var systemNames = map[string]bool{
	// Linux
	"lost+found": true, "aquota.user": true, "aquota.group": true,
	// macOS
	"__macosx": true, "icon\r": true, "temporary items": true, "network trash folder": true, "thevolumesettingsfolder": true,
	"desktop db": true, "desktop df": true,
	// Windows
	"$recycle.bin": true, "$extend": true, "system volume information": true, "thumbs.db": true, "ehthumbs.db": true,
	"ehthumbs_vista.db": true, "desktop.ini": true, "config.msi": true, "wpsettings.dat": true, "recycler": true,
	"recycled": true, "$winreagent": true, "$sysreset": true, "msdownld.tmp": true, "thumbs.db:encryptable": true,
	// Android
	"lost.dir": true,
	// file servers: Synology, QNAP, NetApp and others
	"@eadir": true, "@tmp": true, "@synoresource": true, "@recycle": true, "@recently-snapshot": true, "#recycle": true,
	"#snapshot": true, "~snapshot": true,
	// Python
	"__pycache__": true,
}

// passedOver returns the cause for which a file or folder is no part of a
// dataset, by its name alone.
func passedOver(name string) (dataset.Cause, bool) {
	switch {
	case strings.HasPrefix(name, "."):
		return dataset.CauseHidden, true
	case systemNames[strings.ToLower(name)], checkDiskFolder(name), zoneFile(name):
		return dataset.CauseSystem, true
	default:
		return "", false
	}
}

// zoneFile recognizes cat.jpg:Zone.Identifier and the like, where Windows notes
// where a file was downloaded from; other systems copy it as a file.
func zoneFile(name string) bool {
	return strings.HasSuffix(strings.ToLower(name), ":zone.identifier")
}

// checkDiskFolder recognizes FOUND.000 and the like, where Windows' chkdsk puts
// what it finds.
func checkDiskFolder(name string) bool {
	number, ok := strings.CutPrefix(strings.ToLower(name), "found.")
	return ok && len(number) == 3 && strings.Trim(number, "0123456789") == ""
}
