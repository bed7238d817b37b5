$h=@{}
$h['tcp']=@(Get-NetTCPConnection|Select-Object LocalAddress,LocalPort,RemoteAddress,RemotePort,@{n='State';e={[int]$_.State}},OwningProcess)
$h['udp']=@(Get-NetUDPEndpoint|Select-Object LocalAddress,LocalPort,OwningProcess)
