package state

import (
	"slices"
	"strings"
	"testing"
)

func TestFollowEmbed(t *testing.T) {
	page := visitor()
	page.FollowEmbed("?experiment=3&lambda=1e-4&panels=loss,latent&lock=hidden,seed&load=auto&autoplay=1&theme=dark")
	if page.Notice != nil || page.Settings.Experiment != 3 || page.Settings.Lambda != 1e-4 {
		t.Errorf("settings %+v, notice %v", page.Settings, page.Notice)
	}
	if !page.Shows("loss") || page.Shows("recon") || !page.Locked("hidden") || page.Locked("lambda") {
		t.Errorf("embed %+v", page.Embed)
	}
	bad := visitor()
	bad.FollowEmbed("?panels=graph&lock=everything&load=never&autoplay=yes&theme=blue&latent=many")
	for _, want := range []string{`panels "graph": want some of recon, loss, latent`, `lock "everything"`, `load "never": want one of click, auto`, `autoplay "yes"`, `theme "blue"`, `latent "many": want a whole number`} {
		if !strings.Contains(bad.Notice.Text, want) {
			t.Errorf("the notice %q lacks %q", bad.Notice.Text, want)
		}
	}
	if !slices.Equal(bad.Embed.Panels, []string{"recon", "loss"}) || len(bad.Embed.Lock) != 0 {
		t.Errorf("embed %+v", bad.Embed)
	}
	page = visitor()
	page.FollowEmbed("?panels=latent&epochs=%zz&panels=loss&load=")
	if !slices.Equal(page.Embed.Panels, []string{"latent"}) || !strings.Contains(page.Notice.Text, "invalid URL escape") || !strings.Contains(page.Notice.Text, "panels: is there 2 times") {
		t.Errorf("embed %+v, notice %v", page.Embed, page.Notice)
	}
	if whole := visitor(); !whole.Shows("latent") || whole.Locked("lambda") {
		t.Error("the page itself hides a panel or locks a setting")
	}
}
